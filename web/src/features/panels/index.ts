// The list of panels.
export { PanelListPage } from './PanelListPage';
