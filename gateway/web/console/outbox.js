// Shows what waits in the outbox and what is dead, while it is open; does what it is told, if sure.
import { ask } from "./api.js";

const REFRESH_MS = 30000;  // every message that waits is counted
const DEEDS = { parked: ["hold", "cancel"], held: ["resume", "cancel"], dead: ["redrive", "cancel"] };
const outbox = document.getElementById("outbox");
const notice = document.getElementById("outbox-notice");
const waiting = document.getElementById("waiting");
const dead = document.getElementById("dead");
const sure = document.getElementById("sure");
let key = "";
let timer = 0;
let isBusy = false;

outbox.addEventListener("toggle", refresh);

export function offer(newKey) {
  if (key === newKey && !outbox.hidden) return;
  key = newKey;
  outbox.hidden = false;
  refresh();
}

export function withdraw() {
  clearTimeout(timer);
  outbox.hidden = true;
  sure.close();  // as it stands: as a no
}

async function refresh() {
  clearTimeout(timer);
  if (!outbox.open || outbox.hidden || sure.open) return;  // looked at again after the answer
  try {
    const [{ groups, total }, { parcels }] = await Promise.all([
      ask("/outbox/count", key), ask("/outbox?state=dead", key),
    ]);
    fill(waiting, groups.map(group));
    fill(dead, parcels.map(letter));
    notice.textContent = `${messages(total)} as of ${new Date().toLocaleTimeString()}.`;
  } catch (error) {
    notice.textContent = error.message;
  }
  timer = setTimeout(refresh, REFRESH_MS);
}

// Who is at a button by keyboard stays at it, or at the outbox if it is gone.
function fill(table, lines) {
  const at = table.contains(document.activeElement) ? document.activeElement.ariaLabel : null;
  table.tBodies[0].replaceChildren(...lines);
  if (at === null) return;
  const buttons = [...table.querySelectorAll("button")];
  (buttons.find((each) => each.ariaLabel === at) ?? outbox.querySelector("summary")).focus();
}

function group({ phone_number_id, send_class, state, rule, parcels, oldest_due_at }) {
  const due = new Date(oldest_due_at).toLocaleString();
  const wanted = { phone_number_id, send_class, state };
  if (rule !== null) wanted.rule = rule;
  return row([phone_number_id, send_class, state, rule ?? "", parcels, due], wanted);
}

function letter({ message_id, phone_number_id, user_id, send_class, state, rule, detail }) {
  const reason = [rule, detail].filter(Boolean).join(": ");
  return row([message_id, phone_number_id, user_id, send_class, reason], { message_id, state });
}

function row(cells, wanted) {
  const line = document.createElement("tr");
  for (const text of cells) line.insertCell().textContent = text;
  line.insertCell().append(...(DEEDS[wanted.state] ?? []).map((deed) => button(deed, wanted)));
  return line;
}

function button(deed, wanted) {
  const made = document.createElement("button");
  made.textContent = deed;
  made.setAttribute("aria-label", `${deed}: ${Object.values(wanted).join(", ")}`);
  made.addEventListener("click", () => doIfSure(deed, wanted));
  return made;
}

// One at a time: a yes is for the question that was read.
async function doIfSure(deed, wanted) {
  if (isBusy) return;
  isBusy = true;
  notice.textContent = `${deed}: counting.`;
  const outcome = await askAndDo(deed, wanted).catch((error) => error.message);
  isBusy = false;
  notice.textContent = "";
  await refresh();
  notice.textContent = `${outcome} ${notice.textContent}`;
}

async function askAndDo(deed, wanted) {
  const { affected } = await ask(`/outbox/${deed}`, key, { ...wanted, preview: true });
  const what = Object.values(wanted).join(", ");
  const isMeant = affected > 0 && (await isSure(`${deed} ${messages(affected)} (${what})?`));
  return `${deed}: ${messages(isMeant ? await doAll(deed, wanted) : 0)}.`;
}

function messages(count) {
  return count === 1 ? "1 message" : `${count} messages`;
}

// One request does it to a bounded number.
async function doAll(deed, wanted) {
  for (let done = 0; ;) {
    const { affected, more } = await ask(`/outbox/${deed}`, key, { ...wanted, preview: false });
    done += affected;
    if (!more) return done;
  }
}

async function isSure(question) {
  if (outbox.hidden) return false;  // the key is good no more
  document.getElementById("question").textContent = question;
  sure.returnValue = "no";
  sure.showModal();
  return new Promise((tell) => {
    sure.addEventListener("close", () => tell(sure.returnValue === "yes"), { once: true });
  });
}
