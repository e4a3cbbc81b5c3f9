export { createDashboard, type Dashboard, type DashboardOptions } from './createDashboard.js';
