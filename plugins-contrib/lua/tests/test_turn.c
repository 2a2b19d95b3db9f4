/* What a script sees of a turn and does to it. */
#include "kit.h"

START_TEST(it_sees_the_turn)
{
    static const pb_str roles[] = {PB_LIT("admin"), PB_LIT("staff")};
    static const pb_principal principal = {.size = sizeof principal, .id = PB_LIT("user:7"),
                                           .tenant = PB_LIT("acme"), .name = PB_LIT("Ann"),
                                           .roles = roles, .role_count = 2};
    static const pb_ask ask = {
        .messages = "[{\"role\": \"system\", \"content\": \"Be kind.\"},"
                    " {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"Look\"},"
                    "  {\"type\": \"image\", \"mime\": \"image/png\", \"content\": \"aGk=\"}]}]",
        .params = "{\"temperature\": 0.5}", .variables = "{\"topic\": {\"names\": [\"a\", \"b\"]}}",
        .metadata = "{\"shop\": 12}", .principal = &principal, .remote = "192.0.2.1"};

    open_with("local p, m = turn.principal, turn.messages\n"
              "assert(p.id == 'user:7' and p.tenant == 'acme' and p.name == 'Ann')\n"
              "assert(p.roles[2] == 'staff' and #p.scopes == 0)\n"
              "assert(turn.question == 'Look' and #m == 2)\n"
              "assert(m[1].role == 'system' and m[1].text == 'Be kind.' and m[1].parts == nil)\n"
              "assert(m[2].parts[2].type == 'image' and m[2].parts[2].mime == 'image/png')\n"
              "assert(turn.params.temperature == 0.5 and turn.params.top_p == nil)\n"
              "assert(turn.variables.topic.names[2] == 'b' and turn.variables.none == nil)\n"
              "assert(turn.metadata.shop == 12 and math.type(turn.metadata.shop) == 'integer')\n"
              "assert(turn.pipeline == 'p' and #turn.id == 36 and turn.conversation == nil)\n"
              "assert(turn.remote == '192.0.2.1' and turn.branch == 0 and turn.stream)\n"
              "assert(values.limit == 3)\n"
              "turn.emit('seen')\n",
              ", values: {limit: 3}", NULL);
    answers(pb_harness_ask(harness, &ask), "seen");
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 0); /* it did not call the rest */
}
END_TEST

START_TEST(a_misspelt_field_is_an_error)
{
    fails(say("\nlocal q = turn.qestion"), PB_INTERNAL, "script:2: turn has no field 'qestion'");
    fails(say("turn.id = 'x'"), PB_INTERNAL, "script:1: turn.id cannot be set");
}
END_TEST

START_TEST(it_sets_variables_and_parameters)
{
    shut();
    open_with("turn.variables.found = {list = {1, 2.5, true, json.null}, empty = json.array()}\n"
              "turn.variables.gone = 1\n turn.variables.gone = nil\n"
              "turn.params.temperature = 0.25\n turn.params.stop = {'END'}\n"
              "turn.next()",
              "",
              "lua: {script: \"turn.emit(json.encode(turn.variables.found) .. "
              "tostring(turn.variables.gone)) turn.next()\"}, generate: {llm: main}");
    const pb_outcome *reply = pb_harness_say(harness, "Hello");
    const pb_json *sent = pb_scripted_request(harness, "main", 0);
    ck_assert_msg(pb_str_is(reply->text, "{\"list\":[1,2.5,true,null],\"empty\":[]}nilok") ||
                      pb_str_is(reply->text, "{\"empty\":[],\"list\":[1,2.5,true,null]}nilok"),
                  "%.*s %.*s", PB_ARG(reply->text), PB_ARG(reply->sentence));
    ck_assert_double_eq(pb_json_double(pb_json_path(sent, "params/temperature"), 0), 0.25);
    ck_text(pb_json_text(pb_json_path(sent, "params/stop/0")), "END");
}
END_TEST

static pb_str sent(const char *path)
{
    return pb_json_text(pb_json_path(pb_scripted_request(harness, "main", 0), path));
}

START_TEST(it_changes_messages)
{
    static const pb_ask ask = {
        .messages = "[{\"role\": \"user\", \"content\": \"one\"},"
                    " {\"role\": \"assistant\", \"content\": \"two\"},"
                    " {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"three\"},"
                    "  {\"type\": \"image\", \"mime\": \"image/png\", \"content\": \"aGk=\"}]}]"};

    open_with("local m = turn.messages\n"
              "table.remove(m, 1)\n"
              "table.insert(m, 1, {role = 'system', text = 'Be brief.'})\n"
              "turn.messages = m\n"
              "turn.question = turn.question:upper()\n"
              "assert(turn.messages[3].parts[2].type == 'image')\n"
              "assert(turn.messages[3].parts[1].text == 'THREE')\n"
              "turn.next()",
              "", NULL);
    answers(pb_harness_ask(harness, &ask), "ok");
    ck_text(sent("messages/0/role"), "system");
    ck_text(sent("messages/0/content"), "Be brief.");
    ck_text(sent("messages/1/content"), "two");
    ck_text(sent("messages/2/content"), "THREE");
    ck_assert_ptr_null(pb_json_path(pb_scripted_request(harness, "main", 0), "messages/3"));
    fails(say("turn.messages = {{role = 'robot', text = 'x'}}"), PB_INTERNAL,
          "script:1: 'role' of a message is");
    fails(say("turn.messages = {{role = 'user', text = {}}}"), PB_INTERNAL,
          "script:1: 'text' of a message is text");
    fails(say("turn.messages = {'Hello'}"), PB_INTERNAL, "script:1: a message is a table");
}
END_TEST

START_TEST(it_sets_headers)
{
    const pb_outcome *reply = say("turn.set_header('X-Topic', 'billing') turn.next()");

    answers(reply, "ok");
    ck_assert_uint_eq(reply->header_count, 1);
    ck_text(reply->headers[0].name, "X-Topic");
    ck_text(reply->headers[0].value, "billing");
    fails(say("turn.set_header('X-Topic', 'a\\nb')"), PB_INVALID, "");
}
END_TEST

START_TEST(it_sees_and_changes_the_stream)
{
    shut();
    open_with("local said = {}\n"
              "local result = turn.next(function(event)\n"
              "  said[#said + 1] = event.type\n"
              "  if event.type == 'text' then\n"
              "    if event.text == 'drop' then return false end\n"
              "    if event.text == 'more' then turn.emit('(') turn.emit('more)') return false end\n"
              "    return event.text:upper()\n"
              "  end\n"
              "end)\n"
              "assert(result.finish == 'stop' and result.model == 'scripted-1')\n"
              "assert(result.usage.output_tokens == 7 and result.llm == 'main')\n"
              "turn.custom('said', {types = said})\n"
              "turn.emit('!')",
              "", NULL);
    pb_script(harness, "main", PB_STEP_TEXT("one "), PB_STEP_TEXT("drop"), PB_STEP_TEXT("more"),
              PB_STEP_THINKING("hm"), PB_STEP_USAGE(3, 7), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "Hello");
    answers(reply, "ONE (more)!");
    ck_text(reply->thinking, "hm");
    const pb_event *custom = pb_outcome_event(reply, PB_EVENT_CUSTOM, 0);
    ck_text(custom->name, "said");
    ck_text(pb_json_text(pb_json_path(custom->data, "types/3")), "thinking");
    ck_text(pb_json_text(pb_json_path(custom->data, "types/4")), "usage");
}
END_TEST

START_TEST(what_a_sink_may_not_do)
{
    fails(say("turn.next(function() turn.next() end)"), PB_INTERNAL, "within its own function");
    fails(say("turn.next(function() turn.variables.x = 1 end)"), PB_INTERNAL,
          "script:1: a variable cannot be set within the function of turn.next");
    fails(say("turn.next(function() turn.question = 'x' end)"), PB_INTERNAL, "cannot be set within");
    fails(say("turn.next(function() return {} end)"), PB_INTERNAL, "not a table value");
    fails(say("turn.next(function() turn.nothing() end)"), PB_INTERNAL, "no field 'nothing'");
    fails(say("turn.next(7)"), PB_INTERNAL, "function expected");
}
END_TEST

START_TEST(it_tries_again)
{
    shut();
    open_with("for i = 1, 3 do\n"
              "  local ok, why = pcall(turn.next)\n"
              "  if ok then return end\n"
              "  assert(why.status == 'unavailable' and why.message == 'busy' and why.retry_after == 2)\n"
              "  turn.emit(tostring(why) .. ' ')\n"
              "end",
              "", NULL);
    pb_script(harness, "main", PB_STEP_FAIL_RETRY(PB_UNAVAILABLE, 2 * PB_SECOND, "busy"));
    pb_script(harness, "main", PB_STEP_TEXT("done"), PB_STEP_STOP);
    answers(pb_harness_say(harness, "Hello"), "busy done");
}
END_TEST

START_TEST(a_failure_below_is_returned_unchanged)
{
    shut();
    open_with("turn.next()", "", NULL);
    pb_script(harness, "main", PB_STEP_FAIL_RETRY(PB_RATE_LIMITED, 3 * PB_SECOND, "slow down"));
    const pb_outcome *reply = pb_harness_say(harness, "Hello");
    fails(reply, PB_RATE_LIMITED, "slow down");
    ck_assert_int_eq(reply->retry_after, 3 * PB_SECOND);
    ck_text(reply->error_instance, "llms.main");
}
END_TEST

START_TEST(it_fails_with_a_status)
{
    const pb_outcome *reply = say("fail('rate_limited', 'not so fast', 1.5)");

    fails(reply, PB_RATE_LIMITED, "not so fast");
    ck_assert_int_eq(reply->retry_after, 3 * PB_SECOND / 2);
    fails(say("local ok, why = pcall(fail, 'forbidden', 'no')\n"
              "assert(not ok and why.status == 'forbidden')\n error(why)"),
          PB_FORBIDDEN, "no");
    fails(say("local ok, why = pcall(turn.next, print)\n fail('invalid', 'still wrong')"), PB_INVALID,
          "still wrong");
    fails(say("fail('cancelled', 'x')"), PB_INTERNAL, "there is no status 'cancelled'");
    fails(say("fail('ok', 'x')"), PB_INTERNAL, "there is no status 'ok'");
    fails(say("local ok, why = pcall(fail, 'forbidden', 'no') why.status = 1 error(why)"), PB_INTERNAL,
          "changed the status");
}
END_TEST

START_TEST(errors_have_their_line)
{
    fails(say("local x = nil\n\nlocal y = x.name"), PB_INTERNAL, "script:3: attempt to index");
    fails(say("\nerror('my words')"), PB_INTERNAL, "script:2: my words");
    fails(say("\n\nerror({})"), PB_INTERNAL, "script:3: an error that is no text but a table value");
    fails(say("error()"), PB_INTERNAL, "script:1: an error that is no text but a nil value");
    fails(say("error(setmetatable({}, {__tostring = function() while true do end end}))"), PB_INTERNAL,
          "no text but a table");
    fails(say("\n table.sort(3)"), PB_INTERNAL, "script:2: a table is expected, not a number");
    fails(say("\n table.insert({}, 5, 1)"), PB_INTERNAL, "script:2: the place is out of bounds");
}
END_TEST

START_TEST(nothing_is_left_for_the_next_turn)
{
    shut();
    open_with("count = (count or 0) + 1\n string.count = (string.count or 0) + 1\n"
              "turn.emit(count .. ' ' .. string.count)",
              "", NULL);
    answers(pb_harness_say(harness, "Hello"), "1 1");
    answers(pb_harness_say(harness, "Hello"), "1 1");
}
END_TEST

START_TEST(a_cancelled_turn_ends_it)
{
    static const pb_ask ask = {.text = "Hello", .cancel_after = PB_SECOND};

    shut();
    open_with("pcall(turn.next)\n turn.emit('too late')", "", NULL);
    pb_script(harness, "main", PB_STEP_TEXT("begun"), PB_STEP_HANG);
    const pb_outcome *reply = pb_harness_ask(harness, &ask);
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_text(reply->text, "begun");
}
END_TEST

START_TEST(a_client_that_is_gone_ends_it)
{
    static const pb_ask ask = {.text = "Hello", .fail_at_event = 2, .fail_with = PB_CANCELLED};

    shut();
    open_with("for i = 1, 10 do pcall(turn.emit, 'x') end", "", NULL);
    ck_assert_int_eq(pb_harness_ask(harness, &ask)->status, PB_CANCELLED);
}
END_TEST

START_TEST(many_turns_at_once)
{
    enum { COUNT = 64 };
    static pb_ask asks[COUNT];
    static char texts[COUNT][16], wanted[COUNT][64];
    const pb_outcome *outcomes[COUNT];

    shut();
    open_with("local mine, seen = turn.question, 0\n"
              "turn.next(function(event)\n"
              "  if event.type ~= 'text' then return end\n"
              "  seen = seen + 1\n"
              "  local t = {} for i = 1, 200 do t[i] = mine .. i end\n"
              "  turn.emit('<') return event.text .. mine .. '>'\n"
              "end)\n"
              "turn.emit(' ' .. mine .. ' ' .. seen)",
              "", NULL);
    pb_script(harness, "main", PB_STEP_TEXT("a"), PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("b"),
              PB_STEP_WAIT(PB_SECOND), PB_STEP_TEXT("c"), PB_STEP_STOP);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "q%d", i);
        (void)snprintf(wanted[i], sizeof wanted[i], "<aq%d><bq%d><cq%d> q%d 3", i, i, i, i);
        asks[i] = (pb_ask){.text = texts[i], .slow = i % 3 ? PB_MILLISECOND : 0};
    }
    pb_harness_together(harness, asks, COUNT, outcomes);
    for (int i = 0; i < COUNT; i++)
        answers(outcomes[i], wanted[i]);
}
END_TEST

START_TEST(branches_speak_at_once)
{
    static const pb_ask ask = {.text = "Hello", .slow = PB_MILLISECOND};

    shut();
    open_with("local count, branches = 0, {}\n"
              "turn.next(function(event)\n"
              "  if event.type ~= 'text' then return end\n"
              "  count = count + 1 branches[event.branch] = true\n"
              "  turn.emit('<') turn.emit('-') return '>'\n"
              "end)\n"
              "turn.custom('count', {count = count, both = branches[1] and branches[2]})",
              "",
              "parallel: {branches: {a: [generate: {llm: main}], b: [generate: {llm: other}]}}");
    pb_script(harness, "main", PB_STEP_TEXT("a"), PB_STEP_TEXT("b"), PB_STEP_STOP);
    pb_script(harness, "other", PB_STEP_TEXT("c"), PB_STEP_TEXT("d"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_ask(harness, &ask);
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    const pb_event *custom = pb_outcome_event(reply, PB_EVENT_CUSTOM, 0);
    ck_assert_int_eq(pb_json_int(pb_json_get(custom->data, "count"), 0), 4);
    ck_assert(pb_json_bool(pb_json_get(custom->data, "both"), false));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 12);
}
END_TEST

int main(void)
{
    const TTest *const sees[] = {it_sees_the_turn, a_misspelt_field_is_an_error, NULL};
    const TTest *const does[] = {it_sets_variables_and_parameters,
                                        it_changes_messages,
                                        it_sets_headers,
                                        it_sees_and_changes_the_stream,
                                        what_a_sink_may_not_do,
                                        nothing_is_left_for_the_next_turn,
                                        many_turns_at_once,
                                        branches_speak_at_once,
                                        NULL};
    const TTest *const failing[] = {it_tries_again,
                                           a_failure_below_is_returned_unchanged,
                                           it_fails_with_a_status,
                                           errors_have_their_line,
                                           a_cancelled_turn_ends_it,
                                           a_client_that_is_gone_ends_it,
                                           NULL};

    return suite_run_cases("lua", (TCase *const[]){suite_case("sees", NULL, shut, sees),
                                                   suite_case("does", NULL, shut, does),
                                                   suite_case("fails", NULL, shut, failing), NULL});
}
