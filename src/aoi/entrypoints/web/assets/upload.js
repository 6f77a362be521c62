"use strict";

const MOST_ROWS = 500;
const form = document.querySelector("#upload");
const file = document.querySelector("#file");
const drop = document.querySelector("#drop");
const progress = document.querySelector("#progress");
const problem = document.querySelector("#problem");
const result = document.querySelector("#result");
let images = {};
let running = false;

file.addEventListener("change", () => file.files.length && send());
form.addEventListener("submit", (event) => event.preventDefault());
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove("over"); });
}
document.addEventListener("drop", (event) => {
  if (event.dataTransfer.files.length === 0 || running) return;
  file.files = event.dataTransfer.files;
  send();
});

function send() {
  const body = new FormData();
  for (const field of form.querySelectorAll(".labels input")) {
    if (field.value.trim()) body.append(field.name, field.value.trim());
  }
  body.append("image", file.files[0]);
  post("/upload", body);
}

function post(url, body) {
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => showProgress(event.loaded, event.total));
  request.upload.addEventListener("load", () => showProgress(null));
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => showProblem({
    title: "The server did not answer", detail: "Check that aoi is running and the network is up, then try again.",
  }));
  setRunning(true);
  problem.hidden = true;
  result.hidden = true;
  showProgress(body ? 0 : null, 1);
  request.open("POST", url);
  request.send(body);
}

function finish(request) {
  let answer;
  try {
    answer = JSON.parse(request.responseText);
  } catch (error) {
    showProblem({ title: `The server answered ${request.status}`, detail: "The answer is not JSON. Look at the server's log." });
    return;
  }
  if (request.status === 200) showResult(answer);
  else showProblem(answer);
}

function setRunning(value) {
  running = value;
  file.disabled = value;
  progress.hidden = !value;
  if (!value) form.reset();
}

function showProgress(loaded, total) {
  const [bar, text] = progress.children;
  if (loaded === null) {
    bar.removeAttribute("value");
    text.textContent = "Inspecting …";
  } else {
    bar.max = total;
    bar.value = loaded;
    text.textContent = `Sending … ${Math.round((loaded / total) * 100)} %`;
  }
}

function showProblem(answer) {
  setRunning(false);
  const [title, detail, again] = problem.children;
  title.textContent = answer.title;
  detail.textContent = answer.detail;
  again.hidden = !answer.retry_url;
  again.onclick = () => post(new URL(answer.retry_url).pathname);
  problem.hidden = false;
}

function showResult(answer) {
  setRunning(false);
  images = answer.images;
  const count = answer.total_defects;
  document.querySelector("#result-title").textContent = count === 0 ? "No defects" : `${count} defect${count === 1 ? "" : "s"}`;
  const { metadata } = answer;
  document.querySelector("#facts").textContent =
    `${answer.filename} · ${metadata.width} × ${metadata.height} · ${answer.processing_time.toFixed(1)} s · ` +
    `${metadata.engine.name} · ${answer.img_unique_id}`;
  document.querySelector("#classes").replaceChildren(
    ...Object.entries(answer.defect_classes).map(([name, regions]) => element("li", `${name}: ${regions}`)));
  document.querySelector("#json-link").href = answer.json_url;
  showRegions(answer.result.classes);
  showPicture("overlay");
  result.hidden = false;
}

function showRegions(classes) {
  const rows = Object.entries(classes)
    .flatMap(([name, found]) => found.regions.map((region) => ({ name, ...region })))
    .sort((a, b) => b.area_pixels - a.area_pixels);
  document.querySelector("#regions").replaceChildren(...rows.slice(0, MOST_ROWS).map(regionRow));
  const more = document.querySelector("#more");
  more.hidden = rows.length <= MOST_ROWS;
  more.textContent = `and ${rows.length - MOST_ROWS} smaller ones: see the JSON.`;
}

function regionRow(region) {
  const row = document.createElement("tr");
  const box = region.bounding_box;
  row.append(...[
    region.name, region.region_id, box.x, box.y, box.width, box.height, region.area_pixels, region.circularity.toFixed(2),
  ].map((value) => element("td", value)));
  return row;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

for (const button of document.querySelectorAll("#views button")) {
  button.addEventListener("click", () => showPicture(button.dataset.kind));
}

function showPicture(kind) {
  for (const button of document.querySelectorAll("#views button")) {
    button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
  }
  const picture = document.querySelector("#picture");
  picture.src = images[kind];
  picture.alt = `${kind} of the image`;
  document.querySelector("#picture-link").href = images[kind];
}
