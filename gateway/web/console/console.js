// Shows the numbers and what is left of their limits; a plain client of the admin API.
import { ask } from "./api.js";
import { offer, withdraw } from "./outbox.js";

const REFRESH_MS = 5000;
const notice = document.getElementById("notice");
const table = document.getElementById("numbers");
let timer = 0;
let signIns = 0;

document.getElementById("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIns += 1;
  show(document.getElementById("key").value, signIns);
});

async function show(key, signIn) {
  clearTimeout(timer);
  try {
    const [{ numbers }, { pools }] = await Promise.all([
      ask("/numbers", key), ask("/pools", key),
    ]);
    if (signIn !== signIns) return;  // somebody has signed in since
    const byId = new Map(pools.map((pool) => [pool.pool_id, pool]));
    table.tBodies[0].replaceChildren(...numbers.map((n) => row(n, byId.get(n.pool_id))));
    table.hidden = false;
    // Not in the notice, which is read out whenever it changes.
    table.caption.textContent = `Numbers as of ${new Date().toLocaleTimeString()}`;
    notice.textContent = "";
    offer(key);
  } catch (error) {
    if (signIn !== signIns) return;
    table.hidden = true;
    notice.textContent = error.message;
    if (error.keyIsWrong) return withdraw();
  }
  timer = setTimeout(show, REFRESH_MS, key, signIn);
}

function row(number, pool) {
  const line = document.createElement("tr");
  const limit = number.messaging_limit ?? "unlimited";
  const until = number.restricted_until ?? number.flagged_until;
  const cells = [
    number.display_phone_number, number.status, number.quality_rating, limit,
    `${pool.counted} of ${pool.allowance ?? "unlimited"}`,
    until ? new Date(until).toLocaleString() : "",
  ];
  for (const text of cells) line.insertCell().textContent = text;
  line.cells[1].dataset.status = number.status;
  line.cells[2].dataset.quality = number.quality_rating;
  return line;
}
