// Calls an emulator through an unmodified SDK and prints what each call gave, a JSON line a call.
//
// node exercise.mjs <kapso|whatsapp-api-js> <calls|errors> <JSON: url, token, number, waba, user,
// stranger, wamid, times>

const [sdk, what, given] = process.argv.slice(2);
const picture = new Blob([new Uint8Array(5000).fill(7)], { type: "image/png" });

async function tell(call, promise) {
  let line;
  try {
    line = { call, answer: await promise };
  } catch (error) {
    line = { call, error: { ...error, name: error.name, message: error.message } };
  }
  console.log(JSON.stringify(line));
  return line.answer;
}

async function isPicture(fetching) {
  const [ours, theirs] = [await picture.arrayBuffer(), await fetching];
  return Buffer.from(ours).equals(Buffer.from(theirs));
}

const exercise = await import(`./${sdk}.mjs`);
await exercise[what]({ ...JSON.parse(given), picture, isPicture, tell });
