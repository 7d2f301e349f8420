// Asks the admin API; with a body it is told something. Throws what the gateway says is wrong.
export async function ask(path, key, body) {
  const answer = await fetch(`/admin/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { Authorization: `Bearer ${key}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error.message);
  return found;
}
