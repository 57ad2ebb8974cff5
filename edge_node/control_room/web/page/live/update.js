// Choose a signed bundle for a robot: one that the room has, or one to upload.
import { agree } from "../dialog.js";
import { el } from "../dom.js";
import { ask } from "../store.js";
import { bytes, moment } from "../words.js";

/** Ask which bundle; resolves to its name, or null. */
export async function chooseBundle(name) {
  const options = el("div", { class: "bundles", role: "radiogroup", "aria-label": "Bundles" });
  const said = el("p", { class: "quiet", role: "status" });
  const file = el("input", { type: "file", accept: ".tar", "aria-label": "Upload a bundle", onchange: () => upload(file, options, said) });
  await fill(options, said);
  const chosen = () => options.querySelector("input:checked")?.value;
  const sentence = "The robot fetches the bundle between its verdicts and checks its signature. It then tries the new models on live frames, and returns to the old ones by itself if the new ones are worse. It goes on judging all the time.";
  const agreed = await agree(`Send other models to ${name}?`, sentence, "Send", [options, el("label", { class: "upload" }, "Or upload a signed bundle (.bundle.tar) ", file), said], () => (chosen() ? true : "Choose a bundle first."));
  return agreed ? chosen() : null;
}

async function fill(options, said, chosen = null) {
  try {
    const { bundles } = await ask("api/bundles");
    options.replaceChildren(...bundles.map((one) => el("label", {}, el("input", { type: "radio", name: "bundle", value: one.file, disabled: Boolean(one.problem), checked: one.file === chosen }), " ", el("b", {}, one.label), el("span", { class: "quiet" }, one.problem ? ` ${one.problem}` : [` ${bytes(one.size_bytes)}, issued `, moment(one.issued_at), one.file.startsWith("uploaded/") ? ", uploaded" : ""]))));
    if (!bundles.length) options.append(el("p", { class: "quiet" }, "This control room has no bundle yet. Upload one, or name a folder with bundles in [commands] bundles_dir."));
  } catch (problem) {
    said.textContent = problem.message;
  }
}

async function upload(file, options, said) {
  const [given] = file.files;
  if (!given) return;
  said.textContent = `Uploading ${given.name} …`;
  try {
    const { bundle } = await ask("api/bundles", { method: "POST", headers: { "Content-Type": "application/x-tar" }, body: given });
    said.textContent = `${bundle.label} is uploaded`;
    await fill(options, said, bundle.file);
  } catch (problem) {
    said.textContent = problem.message;
  }
  file.value = "";
}
