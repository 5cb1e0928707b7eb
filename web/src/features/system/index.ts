// The pages of the installation's operator, and what a company sees of its own limits.
export { AdminPage } from './AdminPage';
export { UsagePage } from './UsagePage';
