// Prints how many specs of a JSON report of vitest passed and failed, then one line for each that failed.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
console.log(numPassedTests, numFailedTests);
for (const { name, status, assertionResults } of testResults) {
  const failed = assertionResults.filter((each) => each.status === 'failed');
  for (const { fullName } of failed) console.log(`${relative('', name)}: ${fullName.replace(/\s+/g, ' ')}`);
  if (status === 'failed' && failed.length === 0) console.log(`${relative('', name)}: the file itself`);
}
