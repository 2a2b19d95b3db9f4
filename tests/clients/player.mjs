// player.mjs - plays scenarios of a Node client, all in one process: each line of the input is {"play", "api",
// "base", "key"}, each line of the output what the scenario told, or {"raised"}. A line "now" is for one that waits.
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// What became of a call that is aborted when the test says so.
export async function cancelled(call) {
  const controller = new AbortController();
  const asked = call(controller.signal).then(() => null, (error) => ({ name: error.name }));
  await lines.next();
  controller.abort();
  return asked;
}

// scenarios: an async function of what is wanted.
export async function play(scenarios) {
  console.log('{}');
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return;
    let told;
    try {
      told = await scenarios(JSON.parse(value));
    } catch (error) {
      told = { raised: error.stack };
    }
    console.log(JSON.stringify(told));
  }
}
