// A plugin's page: follows its changes, and sends a tool's form with its progress.

import { Feed } from "./feed.js";
import { refresh } from "./live.js";

const name = document.querySelector("[data-plugin]").dataset.plugin;

new Feed("/ws/plugins/", {
  event: ({ data }) => { if (data.plugin === name) refresh(); },
  ready: refresh,
});

function send(form) {
  const trouble = form.querySelector("[data-trouble]");
  const upload = form.querySelector("[data-upload]");
  const button = form.querySelector("button.bh-first");
  const request = new XMLHttpRequest();
  const fail = (words) => {
    trouble.textContent = words;
    trouble.hidden = false;
    upload.hidden = true;
    button.disabled = false;
  };
  trouble.hidden = true;
  button.disabled = true;
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded, total, lengthComputable }) => {
    if (!lengthComputable || !form.querySelector("input[type=file]")) return;
    upload.hidden = false;
    upload.querySelector("progress").value = loaded / total;
    upload.querySelector("[data-upload-words]").textContent = loaded < total
      ? `${Math.floor((100 * loaded) / total)} % of ${(total / 1048576).toFixed(1)} MB` : "Storing…";
  });
  request.addEventListener("error", () => fail("The connection broke. Nothing was started: try again."));
  request.addEventListener("load", () => {
    if (request.status === 201) location.assign(request.response.address);
    else fail(request.response?.message ?? `The platform refused (${request.status}). Reload the page and try again.`);
  });
  request.send(new FormData(form));
}

// Unfold's script looks for a text field of its own beside every file field, and these have none.
for (const input of document.querySelectorAll("[data-tool-form] input[type=file]")) input.hasChangeListener = true;

for (const form of document.querySelectorAll("[data-tool-form]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}
