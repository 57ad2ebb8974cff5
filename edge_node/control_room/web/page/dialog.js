// A question before something is done. The way out has the focus: no stray Enter agrees.
import { el } from "./dom.js";

/** Ask; resolves to true if a person agrees. `parts` are shown below the sentence. */
export function agree(title, sentence, yes, parts = [], isReady = () => true) {
  return new Promise((answer) => {
    const said = el("p", { class: "quiet", role: "status" });
    const no = el("button", { class: "plain", type: "button", onclick: () => dialog.close("no") }, "Cancel");
    const agreeing = el("button", { class: "primary", type: "button", onclick: () => {
      const ready = isReady();
      if (ready === true) dialog.close("yes");
      else said.textContent = ready;
    } }, yes);
    const dialog = el("dialog", { class: "question", "aria-labelledby": "question-title" }, el("h2", { id: "question-title" }, title), el("p", {}, sentence), parts, said, el("div", { class: "buttons" }, no, agreeing));
    dialog.addEventListener("close", () => { dialog.remove(); answer(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  });
}
