/* completion.c - `patchbay completion`: a script for a shell, which asks `patchbay completion
 * candidates` what may come next. So it knows the options of this build and the operations of the
 * configuration that is meant.
 */
#include "app/completion.h"

#include "config/nearest.h"
#include <stdio.h>

static const char bash[] =
    "# patchbay completion for bash: source <(patchbay completion bash)\n"
    "_patchbay() {\n"
    "    local word help cur=\"${COMP_WORDS[COMP_CWORD]}\"\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r word help; do\n"
    "        case $word in\n"
    "        :files | :folders)\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            local -a kind=(-f)\n"
    "            [ \"$word\" = :files ] || kind=(-d)\n"
    "            mapfile -t COMPREPLY < <(compgen \"${kind[@]}\" -- \"$cur\")\n"
    "            return ;;\n"
    "        *) COMPREPLY+=(\"$word\") ;;\n"
    "        esac\n"
    "    done < <(\"${COMP_WORDS[0]}\" completion candidates -- "
    "\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _patchbay patchbay\n";

static const char zsh[] =
    "#compdef patchbay\n"
    "# patchbay completion for zsh: source <(patchbay completion zsh), or a file _patchbay in $fpath\n"
    "_patchbay() {\n"
    "    local word help\n"
    "    local -a found\n"
    "    while IFS=$'\\t' read -r word help; do\n"
    "        case $word in\n"
    "        :files) _files; return ;;\n"
    "        :folders) _files -/; return ;;\n"
    "        *) found+=(\"${word//:/\\\\:}${help:+:$help}\") ;;\n"
    "        esac\n"
    "    done < <(\"${words[1]}\" completion candidates -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    _describe patchbay found\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _patchbay ]; then _patchbay \"$@\"; else compdef _patchbay patchbay; fi\n";

static const char fish[] =
    "# patchbay completion for fish: patchbay completion fish | source\n"
    "function __patchbay_candidates\n"
    "    set -l words (commandline -opc)\n"
    "    set -l current (commandline -ct)\n"
    "    for line in ($words[1] completion candidates -- $words[2..-1] \"$current\" 2>/dev/null)\n"
    "        switch $line\n"
    "            case ':files*'\n"
    "                __fish_complete_path $current\n"
    "            case ':folders*'\n"
    "                __fish_complete_directories $current\n"
    "            case '*'\n"
    "                echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c patchbay -f -a '(__patchbay_candidates)'\n";

static const struct {
    const char *name, *script;
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

enum { SHELLS = sizeof shells / sizeof *shells };

int command_completion(const struct invocation *invocation)
{
    const char *name = invocation->words[0];
    pb_str names[SHELLS];

    if (strcmp(name, "candidates") == 0) {
        completion_print(invocation, 1);
        return 0;
    }
    for (size_t i = 0; i < SHELLS; i++) {
        names[i] = pb_str_of(shells[i].name);
        if (strcmp(name, shells[i].name) == 0 && invocation->word_count == 1) {
            fputs(shells[i].script, stdout);
            return 0;
        }
    }
    fprintf(stderr, "patchbay completion: there is no script for '%s'%.*s; there are bash, zsh and "
                    "fish\n", name, PB_ARG(nearest_hint(pb_str_of(name), names, SHELLS)));
    return pb_status_exit(PB_INVALID);
}
