// Asks the admin API; with a body it is told something. Throws what the gateway says is wrong, and
// whether it was the key.
export async function ask(path, key, body) {
  const answer = await fetch(`/admin/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { Authorization: `Bearer ${key}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  // What stands in between, a balancer for example, may answer in no JSON at all.
  const found = await answer.json().catch(() => null);
  if (answer.ok && found !== null) return found;
  const said = found?.error?.message ?? `The answer was HTTP ${answer.status}, and none of the gateway's.`;
  throw Object.assign(new Error(said), { keyIsWrong: answer.status === 401 });
}
