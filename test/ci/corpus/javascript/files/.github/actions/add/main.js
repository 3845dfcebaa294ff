const fs = require("fs");
const sum = Number(process.env.INPUT_A) + Number(process.env.INPUT_B);
fs.appendFileSync(process.env.GITHUB_OUTPUT, `sum=${sum}\n`);
