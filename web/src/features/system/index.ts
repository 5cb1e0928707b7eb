// The pages of the installation's operator.
export { AdminPage } from './AdminPage';
