// The page of API keys, apart from the other pages of identity: whoever signs in need not load it.
export { ApiKeysPage } from './ApiKeysPage';
