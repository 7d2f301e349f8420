// Asks the admin API; with a body it is told something. Throws what the gateway says is wrong, and
// whether it was the key.
export async function ask(path, key, body) {
  const answer = await fetch(`/admin/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { Authorization: `Bearer ${key}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) {
    throw Object.assign(new Error(found.error.message), { keyIsWrong: answer.status === 401 });
  }
  return found;
}
