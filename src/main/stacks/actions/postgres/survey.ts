import { formatBytes } from '../../../../contract/bytes.ts';
import type { ActionContext, SurveyItem } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { RemotePath } from '../tools.ts';

/** The dumps of a folder, newest first, as choices. Their insides are looked at once one is chosen. */
export async function backupSurvey(
  context: ActionContext,
  given: Readonly<Record<string, unknown>>,
  parameter: string,
): Promise<readonly SurveyItem[]> {
  const folder = RemotePath.safeParse(given['backup_dir']);
  if (!folder.success) return [];
  const files = (await (await context.session()).files.list(folder.data)).filter(
    ({ name, type }) => type === 'file' && name.endsWith('.dump'),
  );
  const newest = files.sort((a, b) => b.modifiedAt - a.modifiedAt).slice(0, 200);
  return [
    {
      parameter,
      title: 'Dumps in the backup folder',
      detail: newest.length === 0 ? `There is no .dump file in ${folder.data}.` : `${files.length} in ${folder.data}.`,
      choices: newest.map(({ name, size, modifiedAt }) => ({
        value: name,
        label: `${plainLine(name, 120)} — ${formatBytes(size)}, ${new Date(modifiedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
      })),
    },
  ];
}
