import { writePage } from './record.js';

// `npm run versions`: writes the table of tested versions from docs/versions.json.
await writePage();
