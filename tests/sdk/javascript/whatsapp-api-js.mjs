// Makes the calls of whatsapp-api-js, whose function to fetch with is an option.

import { WhatsAppAPI } from "whatsapp-api-js";
import {
  ActionButtons,
  ActionList,
  Body,
  Button,
  Contacts,
  Footer,
  Header,
  Image,
  Interactive,
  Language,
  ListSection,
  Location,
  Name,
  Phone,
  Reaction,
  Row,
  Template,
  Text,
} from "whatsapp-api-js/messages";

const META = "https://graph.facebook.com";

export async function calls(world) {
  const client = clientWith(world, world.token);
  await sends(world, client);
  await tidies(world, client);
  await reads(world, client);
  await fails(world, client);
}

export async function errors({ tell, number, user, times, ...world }) {
  const client = clientWith(world, world.token);
  for (let time = 0; time < times; time += 1) {
    await tell("text", client.sendMessage(number, { phone: user }, new Text("hello")));
  }
}

function clientWith({ url }, token) {
  const atEmulator = (address) => String(address).replace(META, url);
  const ponyfill = { fetch: (address, options) => fetch(atEmulator(address), options) };
  return new WhatsAppAPI({ token, secure: false, v: "v24.0", ponyfill });
}

async function sends({ tell, number, user, wamid }, client) {
  const send = (message) => client.sendMessage(number, { phone: user }, message);
  const order = new Template("order", new Language("en_US"));
  const ann = [new Name("Ann Example", "Ann"), new Phone("+15550001111")];
  const buttons = new ActionButtons(new Button("y", "Yes"), new Button("n", "No"));
  const list = new ActionList("Choose", new ListSection("Sizes", new Row("s", "Small")));
  const choice = [new Body("Which?"), new Header("Sizes"), new Footer("Thanks")];
  await tell("text", client.sendMessage(number, { phone: user }, new Text("hello"), wamid));
  await tell("template", send(order));
  await tell("image", send(new Image("https://example.com/a.png", false, "by its link")));
  await tell("location", send(new Location(2.2, 41.4, "Here")));
  await tell("contacts", send(new Contacts(ann)));
  await tell("interactive", send(new Interactive(buttons, new Body("Now?"))));
  await tell("interactive", send(new Interactive(list, ...choice)));
  await tell("reaction", send(new Reaction(wamid, "👍")));
}

async function tidies({ tell, number, user, wamid, picture, isPicture }, client) {
  const form = new FormData();
  form.set("file", picture, "a.png");
  const { id } = await tell("upload", client.uploadMedia(number, form));
  await tell("image", client.sendMessage(number, { phone: user }, new Image(id, true)));
  const { url } = await tell("media", client.retrieveMedia(id, number));
  await tell("download", isPicture(client.fetchMedia(url).then((answer) => answer.arrayBuffer())));
  await tell("delete", client.deleteMedia(id, number));
  await tell("gone", client.retrieveMedia(id));
  await tell("read", client.markAsRead(number, wamid));
  await tell("typing", client.markAsRead(number, wamid, "text"));
}

async function reads({ tell, number }, client) {
  // It has no call for the node, but this door for whatever it has no call for.
  const node = client.$$apiFetch$$(`${META}/v24.0/${number}`);
  await tell("number", node.then((answer) => answer.json()));
}

async function fails({ tell, number, user, stranger, ...world }, client) {
  const text = new Text("hello");
  await tell("closed window", client.sendMessage(number, { phone: stranger }, text));
  const unknown = clientWith(world, "unknown");
  await tell("unknown token", unknown.sendMessage(number, { phone: user }, text));
}
