/** What a person reads for an error id; decide by the id, never by this text. */
const messages: Readonly<Record<string, string>> = {
  'api.context.404.app_error': 'Sorry, we could not find the page.',
  'api.context.session_expired.app_error': 'Invalid or expired session, please login again.',
  'api.context.token_provided.app_error': 'Session is not OAuth but token was provided in the query string.',
  'api.context.permissions.app_error': 'You do not have the appropriate permissions.',
  'api.context.invalid_url_param.app_error': 'Invalid or missing parameter in request URL.',
  'api.context.invalid_body_param.app_error': 'Invalid or missing parameter in request body.',
  'api.context.request_body_too_large.app_error': 'Request body is too large.',
  'app.user.missing_account.const': 'Unable to find the user.',
  'app.user_access_token.disabled':
    'Personal access tokens are disabled on this server. Please contact your system administrator for details.',
  'api.user.login.invalid_credentials_email_username': 'Enter a valid email or username and/or password.',
  'api.user.login.inactive.app_error':
    'Login failed because your account has been deactivated. Please contact an administrator.',
  'api.user.login.bot_login_forbidden.app_error': 'Bot login is forbidden.',
  'api.user.login.blank_pwd.app_error': 'Password field must not be blank',
  'basic_security_check.url.too_long_error': 'URL is too long',
  'api.web_socket_router.bad_action.app_error': 'Unknown WebSocket action.',
  'api.web_socket_router.bad_seq.app_error': 'Invalid sequence for WebSocket message.',
  'api.web_socket_router.not_authenticated.app_error':
    'WebSocket connection is not authenticated. Please log in and try again.',
}

export function messageOf(errorId: string): string {
  return messages[errorId] ?? 'The request could not be carried out.'
}
