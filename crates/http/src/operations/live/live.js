// The page /live: what happens in the shop, as it happens.
"use strict";

const API = "/api/v1";
const SECONDS = 300; // how far back the charts show
const LOW = 10; // a stock that runs low
const EVENTS = 50; // how many events are listed
const METRICS_INTERVAL = 2000;
const RETRY_INTERVAL = 2000;

const $ = (id) => document.getElementById(id);
const tell = (text, isConnected = false) => {
  $("state").textContent = text;
  $("state").dataset.connected = isConnected;
};
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let session = null; // { token, refreshToken }
let lastEventId = null;

async function post(path, body) {
  const answer = await fetch(API + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const json = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(json.message), { status: answer.status, code: json.code });
  return json.data;
}

async function refresh() {
  session = await post("/auth/refresh", { refreshToken: session.refreshToken });
}

// A chart of one or two series over the last minutes.
function chart(element, labels) {
  const color = getComputedStyle(document.body).color;
  const axis = { stroke: color, grid: { stroke: "#8883", width: 1 }, ticks: { stroke: "#8883" } };
  const strokes = ["#3b82f6", "#f59e0b"];
  const series = labels.map((label, i) => ({ label, stroke: strokes[i], width: 2, points: { show: false } }));
  const width = () => Math.max(element.clientWidth, 200);
  const data = [[], ...labels.map(() => [])];
  const plot = new uPlot({ width: width(), height: 180, axes: [axis, axis], series: [{}, ...series] }, data, element);
  addEventListener("resize", () => plot.setSize({ width: width(), height: 180 }));
  return (time, ...values) => {
    [time, ...values].forEach((value, i) => data[i].push(value));
    while (data[0].length > 0 && data[0][0] < time - SECONDS) data.forEach((column) => column.shift());
    plot.setData(data);
  };
}

const orders = { total: 0, thisSecond: 0 };
const stock = new Map();

function show(event) {
  if (event.type === "order.created") {
    orders.total += 1;
    orders.thisSecond += 1;
    $("orders-total").textContent = orders.total;
    $("orders-total").dataset.total = orders.total;
  }
  if (event.type === "product.stock_changed") {
    stock.delete(event.data.productId);
    if (event.data.stock <= LOW) stock.set(event.data.productId, event);
    showStock();
  }
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = event.timestamp;
  time.textContent = new Date(event.timestamp).toLocaleTimeString();
  line.dataset.type = event.type;
  line.append(time, ` ${event.type} `, summary(event.data));
  $("events").prepend(line);
  while ($("events").children.length > EVENTS) $("events").lastElementChild.remove();
}

function summary(data) {
  return Object.entries(data)
    .map(([name, value]) => `${name} ${typeof value === "object" ? Object.values(value).join(" ") : value}`)
    .join(", ");
}

function showStock() {
  const rows = [...stock.values()].sort((one, other) => one.data.stock - other.data.stock).slice(0, 20);
  $("no-stock").hidden = rows.length > 0;
  $("stock").replaceChildren(...rows.map((event) => {
    const row = document.createElement("tr");
    row.dataset.sku = event.data.sku;
    for (const text of [event.data.sku, event.data.stock, new Date(event.timestamp).toLocaleTimeString()]) {
      row.insertCell().textContent = text;
    }
    return row;
  }));
}

// Reads a stream of server-sent events until it ends.
async function read(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    blocks.forEach(take);
  }
}

function take(block) {
  const fields = { data: [] };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const [name, text] = [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
    if (name === "data") fields.data.push(text);
    else fields[name] = text;
  }
  if (fields.data.length === 0) return;
  const event = JSON.parse(fields.data.join("\n"));
  if (event.type === "reset") {
    tell(`connected; some events are not there any more (${event.reason})`, true);
    return;
  }
  lastEventId = fields.id ?? lastEventId;
  show(event);
}

// Follows the feed, and comes back after the last event when the connection ends.
async function follow() {
  for (;;) {
    try {
      const headers = { authorization: `Bearer ${session.token}`, accept: "text/event-stream" };
      if (lastEventId !== null) headers["last-event-id"] = lastEventId;
      const answer = await fetch(`${API}/events`, { headers, cache: "no-store" });
      if (answer.status === 401) {
        await refresh();
        continue;
      }
      if (!answer.ok) throw new Error(`${answer.status}`);
      tell("connected", true);
      await read(answer.body);
      tell("the connection ended; connecting again");
    } catch (error) {
      if (error.status === 401 || error.status === 403) {
        tell("the session has ended");
        $("board").hidden = true;
        $("login").hidden = false;
        return;
      }
      tell(`not connected (${error.message}); trying again`);
    }
    await wait(RETRY_INTERVAL);
  }
}

// The buckets of the durations of all routes but the feeds, added up.
function durations(text) {
  const buckets = new Map();
  for (const line of text.split("\n")) {
    const found = line.match(/^http_request_duration_seconds_bucket\{(.*)le="([^"]+)"\} (\S+)/);
    if (!found || /route="\/api\/v1\/(events|ws)"/.test(found[1])) continue;
    const bound = found[2] === "+Inf" ? Infinity : Number(found[2]);
    buckets.set(bound, (buckets.get(bound) ?? 0) + Number(found[3]));
  }
  return buckets;
}

// The least bound, in milliseconds, within which so many of the requests between two readings were.
function quantile(before, after, share) {
  const bounds = [...after.keys()].sort((one, other) => one - other);
  const since = (bound) => after.get(bound) - (before.get(bound) ?? 0);
  const all = since(Infinity);
  if (!(all > 0)) return null;
  const bound = bounds.find((bound) => since(bound) >= share * all);
  return bound === Infinity ? null : bound * 1000;
}

async function measure(draw) {
  let before = null;
  for (;;) {
    try {
      const answer = await fetch("/metrics", { cache: "no-store" });
      const after = durations(await answer.text());
      if (before !== null) {
        const [p50, p99] = [quantile(before, after, 0.5), quantile(before, after, 0.99)];
        $("p50").textContent = p50 ?? "–";
        $("p99").textContent = p99 ?? "–";
        draw(Date.now() / 1000, p50, p99);
      }
      before = after;
    } catch {
      before = null; // the server is away, or counts from zero again
    }
    await wait(METRICS_INTERVAL);
  }
}

function start() {
  $("login").hidden = true;
  $("board").hidden = false;
  if (start.done) {
    follow();
    return;
  }
  start.done = true;
  const drawOrders = chart($("orders"), ["orders"]);
  setInterval(() => {
    drawOrders(Math.floor(Date.now() / 1000), orders.thisSecond);
    orders.thisSecond = 0;
  }, 1000);
  measure(chart($("latency"), ["p50", "p99"]));
  follow();
}

$("login").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const form = new FormData(submit.target);
  const login = { email: form.get("email"), password: form.get("password") };
  if (form.get("code")) login.code = form.get("code");
  $("refused").textContent = "";
  try {
    session = await post("/auth/login", login);
    submit.target.reset();
    start();
  } catch (error) {
    $("refused").textContent = error.message;
  }
});
