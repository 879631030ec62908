import type { World } from './world.js'

const off = [
  'CustomBrandText',
  'CustomDescriptionText',
  'EnableCustomBrand',
  'EnableFile',
  'EnableGuestAccounts',
  'EnableLdap',
  'EnableMultifactorAuthentication',
  'EnableSaml',
  'EnableSignUpWithGoogle',
  'EnableSignUpWithOffice365',
  'EnableSignUpWithOpenId',
  'EnforceMultifactorAuthentication',
  'GuestAccountsEnforceMultifactorAuthentication',
  'HasImageProxy',
  'NoAccounts',
  'PasswordRequireLowercase',
  'PasswordRequireNumber',
  'PasswordRequireSymbol',
  'PasswordRequireUppercase',
]
const on = [
  'EnableCustomEmoji',
  'EnableSignInWithEmail',
  'EnableSignInWithUsername',
  'EnableUserCreation',
  'PluginsEnabled',
]
const offSignedIn = [
  'EnableBanner',
  'EnableCluster',
  'EnableCompliance',
  'EnableDeveloper',
  'EnableEmailBatching',
  'EnableEmailInvitations',
  'EnableLatex',
  'EnableMetrics',
  'EnableOutgoingWebhooks',
  'EnablePublicLink',
  'EnableTesting',
  'RequireEmailVerification',
  'SendEmailNotifications',
  'SendPushNotifications',
]
const onSignedIn = [
  'EnableCommands',
  'EnableEmojiPicker',
  'EnableFileAttachments',
  'EnableIncomingWebhooks',
  'EnableLinkPreviews',
]
const links = {
  AboutLink: 'https://mattermost.com/pl/about-mattermost',
  AndroidAppDownloadLink: 'https://mattermost.com/pl/android-app/',
  AppDownloadLink: 'https://mattermost.com/pl/download-apps',
  HelpLink: 'https://mattermost.com/pl/help/',
  IosAppDownloadLink: 'https://mattermost.com/pl/ios-app/',
  PrivacyPolicyLink: 'https://mattermost.com/pl/privacy-policy/',
  ReportAProblemLink: 'https://mattermost.com/pl/report-a-bug',
  TermsOfServiceLink: 'https://mattermost.com/pl/terms-of-use/',
}

/** An object of strings, with more keys for who is signed in (rule 72); a part of the real server's keys. */
export function clientConfig(world: World, signedIn: boolean): Record<string, string> {
  const { settings, traits } = world
  const anonymous = {
    ...links,
    ...flags(off, 'false'),
    ...flags(on, 'true'),
    BuildEnterpriseReady: 'false',
    BuildNumber: traits.version,
    DefaultClientLocale: 'en',
    DiagnosticId: 'standinstandinstandinstand',
    DiagnosticsEnabled: 'false',
    EnableOpenServer: String(settings.enableOpenServer),
    PasswordMinimumLength: String(traits.minPasswordLength),
    SiteName: 'Mattermost',
    ...(traits.generation === '11' || signedIn ? { SiteURL: settings.siteUrl } : {}),
    Version: traits.version,
    WebsocketURL: '',
  }
  if (!signedIn) return anonymous
  return {
    ...anonymous,
    ...flags(offSignedIn, 'false'),
    ...flags(onSignedIn, 'true'),
    EnableUserAccessTokens: String(settings.enableUserAccessTokens),
    MaxFileSize: String(settings.maxFileSizeBytes),
    ShowEmailAddress: String(settings.showEmailAddress),
  }
}

function flags(names: readonly string[], value: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, value]))
}
