import type { FriendlyFaceApi } from '../../friendlyface/client.ts';

/** Somebody may write between two looks: only a disagreement that stays is one. */
const LOOKS = 5;

/**
 * Does the tree in memory fit the database? It does not when the data was replaced and the service not restarted. `tree` is undefined
 * where the deployment says nothing of it.
 */
export async function treeAgrees(api: FriendlyFaceApi) {
  for (let look = 1; ; look += 1) {
    const [deep, health] = [await api.healthDeep(), await api.health()];
    const { database, merkle_tree: tree } = deep.checks;
    const agree =
      tree !== undefined && tree.root === health.merkle_root && (tree.leaf_count === undefined || tree.leaf_count === database.event_count);
    if (agree || tree === undefined || look === LOOKS) return { tree, database, agree, root: health.merkle_root };
  }
}
