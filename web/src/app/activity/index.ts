// What runs and what ended, in the top bar.
export { ActivityButton, NoticesButton } from './buttons';
