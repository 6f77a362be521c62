"use strict";

const MOST_ROWS = 500;
const form = document.querySelector("#upload");
const file = document.querySelector("#file");
const drop = document.querySelector("#drop");
const progress = document.querySelector("#progress");
const problem = document.querySelector("#problem");
const result = document.querySelector("#result");
const picture = document.querySelector("#picture");
let images = {};
let name = "";
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
  const dropped = event.dataTransfer.files;
  if (dropped.length === 0 || running) return;
  if (dropped.length > 1) {
    showProblem({ title: "One image at a time", detail: "Drop a single file. “aoi inspect” takes many." });
    return;
  }
  file.files = dropped;
  send();
});

function send() {
  const body = new FormData();
  for (const field of form.querySelectorAll(".labels input")) {
    if (field.value.trim()) body.append(field.name, field.value.trim());
  }
  body.append("image", file.files[0]);
  name = file.files[0].name;
  post("/upload", body);
}

function post(url, body) {
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => showProgress(event.loaded, event.total));
  request.upload.addEventListener("load", () => showProgress(null));
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => showProblem({
    title: "The server did not answer",
    detail: "Check that this is a file, that aoi is running and that the network is up, then try again.",
  }));
  setRunning(true);
  problem.hidden = true;
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
  result.hidden = true;
  if (!value) file.value = "";
}

function showProgress(loaded, total) {
  const [bar, text] = progress.children;
  if (loaded === null) {
    bar.removeAttribute("value");
    text.textContent = `Inspecting ${name} …`;
  } else {
    bar.max = total;
    bar.value = loaded;
    text.textContent = `Sending ${name} … ${Math.round((loaded / total) * 100)} %`;
  }
}

function showProblem(answer) {
  setRunning(false);
  const [title, detail, again] = problem.children;
  title.textContent = answer.title;
  detail.textContent = answer.detail;
  again.hidden = !answer.retry_url;
  again.onclick = () => post(pathOf(answer.retry_url));
  problem.hidden = false;
  (answer.retry_url ? again : file).focus({ preventScroll: true });
  problem.scrollIntoView({ block: "nearest" });
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
  document.querySelector("#json-link").href = pathOf(answer.json_url);
  showRegions(answer.result.classes);
  showPicture("overlay");
  result.hidden = false;
  document.querySelector("#result-title").focus();
}

/** The server's own idea of its address may be wrong behind a proxy. */
function pathOf(url) {
  return new URL(url).pathname;
}

function showRegions(classes) {
  const rows = Object.entries(classes)
    .flatMap(([name, found]) => found.regions.map((region) => ({ name, ...region })))
    .sort((a, b) => b.area_pixels - a.area_pixels);
  document.querySelector("#regions").replaceChildren(...rows.slice(0, MOST_ROWS).map(regionRow));
  const more = document.querySelector("#more");
  more.hidden = rows.length <= MOST_ROWS;
  document.querySelector("#listed").hidden = rows.length === 0;
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
  showNoPicture(false);
  picture.src = pathOf(images[kind]);
  picture.alt = `${kind} of the image`;
  document.querySelector("#picture-link").href = pathOf(images[kind]);
}

picture.addEventListener("error", () => showNoPicture(true));

/** No browser shows every TIFF. */
function showNoPicture(value) {
  picture.hidden = value;
  document.querySelector("#no-picture").hidden = !value;
}
