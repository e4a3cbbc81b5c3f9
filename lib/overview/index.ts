export { changedParameters, type ParameterChange } from './changedParameters.js';
export { EVERYTHING, everythingOf } from './everything.js';
export { type InstanceView, viewOf } from './instanceView.js';
export { type ServiceSummary, summarize } from './serviceSummary.js';
