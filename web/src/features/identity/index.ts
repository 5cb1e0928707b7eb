// The pages of identity.
export { CliLoginPage } from './CliLoginPage';
export { InvitePage } from './InvitePage';
export { MembersPage } from './MembersPage';
export { PasswordPage } from './PasswordPage';
export { SessionsPage } from './SessionsPage';
export { SetupPage } from './SetupPage';
export { SignInPage } from './SignInPage';
