// The import pages.
export { ImportIntoPanelPage, NewPanelPage } from './ImportPages';
