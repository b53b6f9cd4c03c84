/** What `GET url` answers, as JSON. */
export type AskJson = (url: string) => Promise<unknown>

/**
 * Whether a peer is this node under another name: `GET <peer>/challenge` tells a text that each process makes up for
 * itself. A peer that cannot be asked, or makes no sense, is somebody else. One that repeats our text to be taken for
 * us is not followed, which harms nobody.
 */
export async function isSelf(url: string, ownChallenge: string, ask: AskJson): Promise<boolean> {
  const answer = await ask(`${url}/challenge`).catch(() => null)
  if (typeof answer !== 'object' || answer === null || ownChallenge === '') return false
  return 'challengeText' in answer && answer.challengeText === ownChallenge
}
