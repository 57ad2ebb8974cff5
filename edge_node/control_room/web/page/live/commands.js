// What an operator may ask of the robot that the page keeps to.
import { byId, el, setText } from "../dom.js";
import { ask, known } from "../store.js";

const COMMANDS = [["ping", "Ping", "Does it answer?"], ["snapshot", "Snapshot", "Keep and send a picture of what the camera sees now"], ["pause", "Pause", "Stop judging frames until Resume"], ["resume", "Resume", "Judge frames again"]];

let shownFor = null;

/** Show the buttons for a robot; none for those who may not command, and none without a robot. */
export function showCommands(chosen) {
  const box = byId("commands");
  box.hidden = !chosen || !known.can?.command;
  if (box.hidden || shownFor === chosen) return;
  shownFor = chosen;
  const said = el("p", { class: "quiet", role: "status" });
  const address = chosen.split("/").map(encodeURIComponent).join("/");
  box.replaceChildren(el("h3", {}, `Command ${chosen}`), el("div", { class: "buttons" }, COMMANDS.map(([verb, label, title]) => el("button", { class: "plain", type: "button", title, onclick: () => send(address, verb, said) }, label))), said);
}

async function send(address, verb, said) {
  setText(said, `${verb}: asked …`);
  try {
    setText(said, (await ask(`api/robots/${address}/commands/${verb}`, { method: "POST" })).said);
  } catch (problem) {
    setText(said, problem.message);
  }
}
