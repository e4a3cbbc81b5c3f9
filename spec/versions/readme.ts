import { writeReadme } from './record.js';

// `npm run versions`: writes README's table of tested versions from docs/versions.json.
await writeReadme();
