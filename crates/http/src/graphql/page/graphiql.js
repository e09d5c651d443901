"use strict";

const ENDPOINT = "/api/v1/graphql";
const EXAMPLE = `{
  products(first: 3, sort: "-price") {
    edges { cursor node { id name price { amount currency } } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const INTROSPECTION = `{ __schema { types { name kind description
  fields { name description args { name type { ...ref } } type { ...ref } }
  inputFields { name description type { ...ref } } enumValues { name description } } } }
  fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

const at = (id) => document.getElementById(id);
const [query, variables, result, token, state, run, stop] =
  ["query", "variables", "result", "token", "state", "run", "stop"].map(at);
let running = null;

function headers(accept) {
  const sent = { "content-type": "application/json", accept };
  if (token.value) sent.authorization = `Bearer ${token.value}`;
  return sent;
}

function show(value) {
  result.textContent = JSON.stringify(value, null, 2);
}

// A subscription, by server-sent events: what is newest stands first.
async function follow(body, signal) {
  const answer = await fetch(ENDPOINT, { method: "POST", headers: headers("text/event-stream"), body, signal });
  if (!answer.headers.get("content-type").startsWith("text/event-stream")) return show(await answer.json());
  state.textContent = "following";
  result.textContent = "";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let unread = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (unread + value).split("\n\n");
    unread = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (!data) continue;
      result.prepend(JSON.stringify(JSON.parse(data.slice(6)), null, 2) + "\n\n");
      while (result.childNodes.length > 200) result.lastChild.remove();
    }
  }
}

async function ask(body, signal) {
  const began = performance.now();
  const answer = await fetch(ENDPOINT, { method: "POST", headers: headers("application/graphql-response+json"), body, signal });
  const text = await answer.text();
  state.textContent = `${answer.status}, ${Math.round(performance.now() - began)} ms`;
  try { show(JSON.parse(text)); } catch { result.textContent = text; }
}

async function execute() {
  running?.abort();
  const own = (running = new AbortController());
  stop.disabled = false;
  state.textContent = "running";
  try {
    const body = JSON.stringify({ query: query.value, variables: JSON.parse(variables.value || "{}") });
    // Comments and texts are no operations.
    const bare = query.value.replace(/"(?:\\.|[^"\\])*"|#[^\n]*/g, "");
    await (/^\s*subscription\b/m.test(bare) ? follow : ask)(body, own.signal);
  } catch (error) {
    if (error.name !== "AbortError") result.textContent = String(error);
  }
  if (running === own) {
    stop.disabled = true;
    if (state.textContent === "running" || state.textContent === "following") state.textContent = "ended";
  }
}

function typeText(type) {
  if (type.kind === "NON_NULL") return `${typeText(type.ofType)}!`;
  return type.kind === "LIST" ? `[${typeText(type.ofType)}]` : type.name;
}

function make(name, text) {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  return element;
}

async function documentSchema() {
  const answer = await fetch(ENDPOINT, { method: "POST", headers: headers("application/json"), body: JSON.stringify({ query: INTROSPECTION }) });
  const { data } = await answer.json();
  const types = data.__schema.types.filter((type) => !type.name.startsWith("__"));
  const root = (type) => ["Query", "Mutation", "Subscription"].indexOf(type.name);
  types.sort((a, b) => (root(b) >= 0) - (root(a) >= 0) || root(a) - root(b) || a.name.localeCompare(b.name));
  for (const type of types) {
    const details = make("details");
    details.append(make("summary", type.name));
    if (type.description) details.append(make("p", type.description));
    const list = make("dl");
    for (const field of type.fields ?? type.inputFields ?? type.enumValues ?? []) {
      const args = (field.args ?? []).map((arg) => `${arg.name}: ${typeText(arg.type)}`).join(", ");
      const of = field.type ? `: ${typeText(field.type)}` : "";
      list.append(make("dt", `${field.name}${args && `(${args})`}${of}`));
      if (field.description) list.append(make("dd", field.description));
    }
    details.append(list);
    details.open = type.name === "Query";
    at("schema").append(details);
  }
}

at("find").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase();
  for (const details of at("schema").children) {
    details.hidden = !details.textContent.toLowerCase().includes(words);
    if (words) details.open = !details.hidden;
  }
});
run.addEventListener("click", execute);
stop.addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") execute();
});
query.value = localStorage.getItem("graphiql:query") || EXAMPLE;
query.addEventListener("input", () => localStorage.setItem("graphiql:query", query.value));
documentSchema().catch((error) => at("schema").append(make("p", String(error))));
