export { type Diagnosis, diagnose, type DiagnoseOptions, type Facts } from './diagnose.js';
export { type Finding, type FindingId, FINDINGS, type Severity } from './finding.js';
