// Certificate login: asks the connector on this machine to sign the challenge whose fields the page holds. The connector builds
// the text itself and asks its holder; nothing else can be signed from here. No inline code, no library.
"use strict";
(() => {
  const form = document.getElementById("connector-login");
  if (!form) return;
  const button = form.querySelector("button");
  const list = document.getElementById("connector-certificates");
  const wait = document.getElementById("connector-wait");
  const note = document.getElementById("connector-error");

  const fail = (message) => {
    wait.hidden = true;
    note.hidden = false;
    note.firstElementChild.textContent = message;
    button.disabled = false;
  };
  const ask = async (address, options) => {
    const answer = await fetch(address, options);
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error([body.title, body.detail, body.remedy, body.code].filter(Boolean).join(" ") || String(answer.status));
    return body;
  };
  const base = () => `http://127.0.0.1:${Number(form.elements.port.value) || 8457}`;
  const json = (body) => ({ method: "POST", headers: { "content-type": "application/json", accept: "application/json" }, body: JSON.stringify(body) });

  const choose = async () => {
    let certificates;
    try { certificates = await ask(`${base()}/certificates`, {}); } catch { throw new Error(note.dataset.none); }
    if (certificates.length < 2) return certificates[0] && certificates[0].id;
    const chosen = form.querySelector("input[name=certificate]:checked");
    if (chosen) return chosen.value;
    list.replaceChildren(...certificates.map((one, index) => {
      const label = document.createElement("label");
      const radio = document.createElement("input");
      radio.type = "radio"; radio.name = "certificate"; radio.value = one.id; radio.required = true; radio.checked = index === 0;
      label.append(radio, ` ${one.subject} (${one.key}, ${one.not_after.slice(0, 10)})`);
      return label;
    }));
    return null;
  };

  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    note.hidden = true;
    try {
      const certificate = await choose();
      if (certificate === null) { button.disabled = false; return; }
      if (!certificate) throw new Error(note.dataset.none);
      wait.hidden = false;
      const challenge = JSON.parse(form.dataset.challenge);
      const answer = await ask(`${base()}/sign-challenge`, json({ certificate, challenge }));
      const next = await ask(form.dataset.answer, json({ ask: form.dataset.ask, answer }));
      location.assign(next.location);
    } catch (error) { fail(error.message); }
  });
})();
