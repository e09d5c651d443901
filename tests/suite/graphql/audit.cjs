// Prints the results of the audits of a server, as JSON.
const { serverAudits } = require("graphql-http");

async function main() {
  const results = [];
  for (const audit of serverAudits({ url: process.argv[2], fetchFn: fetch })) {
    const { status, reason } = await audit.fn();
    results.push({ name: `${audit.id} ${audit.name}`, status, reason });
  }
  console.log(JSON.stringify(results));
}

main();
