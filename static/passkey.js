// Passkeys: the only script the login and account pages need. No inline code, no library.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const post = async (path, body) => {
    const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };
  const failed = (error, button) => {
    const note = document.getElementById("passkey-error");
    if (note) { note.hidden = false; note.dataset.reason = String(error && error.name || error); }
    button.disabled = false;
  };
  const attach = (id, run) => {
    const form = document.getElementById(id);
    if (!form) return;
    const button = form.querySelector("button");
    if (!window.PublicKeyCredential) return;
    button.disabled = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      document.getElementById("passkey-error").hidden = true;
      try { location.assign(await run(form)); } catch (error) { failed(error, button); }
    });
  };

  attach("passkey-register", async (form) => {
    const start = await post("/account/passkeys/start", {});
    const options = start.options.publicKey;
    options.challenge = bytes(options.challenge);
    options.user.id = bytes(options.user.id);
    for (const known of options.excludeCredentials || []) known.id = bytes(known.id);
    const made = await navigator.credentials.create({ publicKey: options });
    const credential = {
      id: made.id, rawId: text(made.rawId), type: made.type, extensions: made.getClientExtensionResults(),
      response: {
        attestationObject: text(made.response.attestationObject), clientDataJSON: text(made.response.clientDataJSON),
        transports: made.response.getTransports ? made.response.getTransports() : undefined,
      },
    };
    return (await post("/account/passkeys/finish", { ceremony: start.ceremony, label: form.elements.label.value, credential })).location;
  });

  attach("passkey-login", async (form) => {
    const ask = form.dataset.ask || null;
    const start = await post("/login/passkey/start", { ask });
    const options = start.options.publicKey;
    options.challenge = bytes(options.challenge);
    for (const known of options.allowCredentials || []) known.id = bytes(known.id);
    const got = await navigator.credentials.get({ publicKey: options });
    const credential = {
      id: got.id, rawId: text(got.rawId), type: got.type, extensions: got.getClientExtensionResults(),
      response: {
        authenticatorData: text(got.response.authenticatorData), clientDataJSON: text(got.response.clientDataJSON),
        signature: text(got.response.signature), userHandle: got.response.userHandle ? text(got.response.userHandle) : null,
      },
    };
    return (await post("/login/passkey/finish", { ceremony: start.ceremony, ask, credential })).location;
  });
})();
