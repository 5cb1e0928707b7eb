// The grid page.
export { PanelPage } from './PanelPage';
