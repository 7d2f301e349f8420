// Makes the calls of @kapso/whatsapp-cloud-api, whose base URL is an option.

import { WhatsAppClient } from "@kapso/whatsapp-cloud-api";

export async function calls(world) {
  const client = clientWith(world, world.token);
  await sends(world, client);
  await tidies(world, client);
  await reads(world, client);
  await fails(world, client);
}

export async function errors({ tell, times, ...world }) {
  const client = clientWith(world, world.token);
  for (let time = 0; time < times; time += 1) {
    await tell("text", client.messages.sendText({ ...userOf(world), body: "hello" }));
  }
}

function clientWith({ url }, token) {
  return new WhatsAppClient({ baseUrl: url, accessToken: token });
}

function userOf({ number, user }) {
  return { phoneNumberId: number, to: user };
}

async function sends({ tell, wamid, ...world }, { messages }) {
  const user = userOf(world);
  const order = { name: "order", language: { code: "en_US" } };
  const ann = { name: { formattedName: "Ann Example" }, phones: [{ phone: "+15550001111" }] };
  const buttons = [{ id: "y", title: "Yes" }, { id: "n", title: "No" }];
  const sections = [{ title: "Sizes", rows: [{ id: "s", title: "Small" }] }];
  const choice = { bodyText: "Which?", buttonText: "Choose", sections, footerText: "Thanks" };
  const image = { link: "https://example.com/a.png", caption: "by its link" };
  const location = { latitude: 41.4, longitude: 2.2, name: "Here" };
  const reaction = { messageId: wamid, emoji: "👍" };
  await tell("text", messages.sendText({ ...user, body: "hello", contextMessageId: wamid }));
  await tell("template", messages.sendTemplate({ ...user, template: order }));
  await tell("image", messages.sendImage({ ...user, image }));
  await tell("location", messages.sendLocation({ ...user, location }));
  await tell("contacts", messages.sendContacts({ ...user, contacts: [ann] }));
  const question = { ...user, bodyText: "Now?", buttons };
  await tell("interactive", messages.sendInteractiveButtons(question));
  await tell("interactive", messages.sendInteractiveList({ ...user, ...choice }));
  await tell("reaction", messages.sendReaction({ ...user, reaction }));
}

async function tidies({ tell, number, wamid, picture, isPicture, ...world }, { media, messages }) {
  const file = { phoneNumberId: number, type: "image/png", file: picture, fileName: "a.png" };
  const uploaded = await tell("upload", media.upload(file));
  const image = { id: uploaded.id, caption: "by its id" };
  await tell("image", messages.sendImage({ ...userOf({ number, ...world }), image }));
  const ours = { mediaId: uploaded.id, phoneNumberId: number };
  await tell("media", media.get(ours));
  await tell("download", isPicture(media.download({ ...ours, auth: "always" })));
  await tell("delete", media.delete(ours));
  await tell("gone", media.get(ours));
  const theirs = { phoneNumberId: number, messageId: wamid };
  await tell("read", messages.markRead(theirs));
  await tell("typing", messages.markRead({ ...theirs, typingIndicator: { type: "text" } }));
}

async function reads({ tell, number, waba }, client) {
  const { phoneNumbers, templates } = client;
  const ours = { phoneNumberId: number };
  await tell("number", client.request("GET", number, { responseType: "json" }));
  const about = "Open all day";
  await tell("edit profile", phoneNumbers.businessProfile.update({ ...ours, about }));
  await tell("profile", phoneNumbers.businessProfile.get(ours));
  await tell("settings", phoneNumbers.settings.get(ours));
  await tell("templates", templates.list({ businessAccountId: waba }));
}

async function fails({ tell, stranger, ...world }, client) {
  const [user, body] = [userOf(world), "hello"];
  await tell("closed window", client.messages.sendText({ ...user, to: stranger, body }));
  const unknown = clientWith(world, "unknown");
  await tell("unknown token", unknown.messages.sendText({ ...user, body }));
}
