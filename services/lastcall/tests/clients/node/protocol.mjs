// What all these programs do alike: they are called with the URL of a stream and a token, and print a line of JSON for each
// event that their library gives them.

export const [url, token] = process.argv.slice(2);

export const authorization = `Bearer ${token}`;

export function print(id, type, data) {
  process.stdout.write(`${JSON.stringify({ id, type, data })}\n`);
}

// An application would show it to a person.
export function giveUp(why) {
  console.error(why);
  process.exit(1);
}

// Some libraries leave nothing to do for Node while they wait for their next attempt, and it would end.
setInterval(() => {}, 1 << 30);
