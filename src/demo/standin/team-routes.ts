import { appError, invalidBodyParam, isAnswer, json, missingAccount } from './answer.js'
import { readObject, textOf } from './call.js'
import { type Route, signedIn } from './route.js'
import { targetUser } from './target-user.js'
import type { Team } from './teams.js'
import type { Traits } from './traits.js'

const onSocket = { onSocket: 'always' } as const

/** Rule 46, and what the web app reads of teams. */
export const teamRoutes: readonly Route[] = [
  signedIn(
    'POST',
    '/teams/{id}/members',
    async (call, _actor, world, [id = '']) => {
      const wanted = await readObject(call)
      if (textOf(wanted, 'team_id') !== id) return invalidBodyParam()
      const team = world.teams.byId(id)
      if (team === undefined) return appError(404, 'app.team.get.find.app_error')
      const account = world.accounts.byId(textOf(wanted, 'user_id'))
      if (account === undefined) return missingAccount()
      team.memberIds.add(account.id)
      return json(memberJson(team, account.id), 201)
    },
    onSocket,
  ),
  signedIn(
    'GET',
    '/teams/name/{name}',
    (_call, _actor, world, [name = '']) => {
      const team = world.teams.byName(name)
      if (team === undefined) return appError(404, 'app.team.get_by_name.missing.app_error')
      return json(teamJson(team, world.traits))
    },
    onSocket,
  ),
  signedIn('GET', '/users/{id}/teams', (_call, actor, world, [id = '']) => {
    const account = targetUser(id, actor, world)
    if (isAnswer(account)) return account
    return json(world.teams.ofUser(account.id).map((team) => teamJson(team, world.traits)))
  }),
]

export function memberJson(team: Team, userId: string): object {
  return {
    team_id: team.id,
    user_id: userId,
    roles: 'team_user',
    delete_at: 0,
    scheme_guest: false,
    scheme_user: true,
    scheme_admin: false,
    explicit_roles: '',
  }
}

function teamJson(team: Team, traits: Traits): object {
  return {
    id: team.id,
    create_at: team.createAt,
    update_at: team.createAt,
    delete_at: 0,
    display_name: team.displayName,
    name: team.name,
    description: '',
    email: '',
    type: 'O',
    company_name: '',
    allowed_domains: '',
    invite_id: team.inviteId,
    allow_open_invite: false,
    scheme_id: null,
    group_constrained: null,
    policy_id: null,
    ...(traits.generation === '11' ? { cloud_limits_archived: false } : {}),
  }
}
