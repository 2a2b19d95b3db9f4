// node.js - plays one scenario in Node: node node.js SCENARIO
import { scenarios } from './scenarios.js';

const { BASE: baseUrl, KEY: apiKey } = process.env;
console.log(JSON.stringify(await scenarios({ baseUrl, apiKey })[process.argv[2]]()));
