/**
 * The migrations a deployment is laid out with. 005 can be rolled back, 004 has no `_down.sql` and stops the next rollback,
 * 006 waits to be applied.
 */
export const migrationFiles: Readonly<Record<string, string>> = {
  '001_initial.sql': 'CREATE TABLE IF NOT EXISTS bundles (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, status TEXT NOT NULL);\n',
  '002_audit_log.sql':
    'CREATE TABLE IF NOT EXISTS audit_log (id INTEGER PRIMARY KEY, at TEXT NOT NULL, action TEXT NOT NULL, detail TEXT);\n',
  '002_audit_log_down.sql': 'DROP TABLE IF EXISTS audit_log;\n',
  '003_retention_policies.sql': 'CREATE TABLE IF NOT EXISTS retention_policies (name TEXT PRIMARY KEY, days INTEGER NOT NULL);\n',
  '003_retention_policies_down.sql': 'DROP TABLE IF EXISTS retention_policies;\n',
  '004_subject_keys.sql': 'CREATE TABLE IF NOT EXISTS subject_keys (subject TEXT PRIMARY KEY, wrapped_key BLOB);\n',
  '005_merkle_checkpoints.sql': 'CREATE TABLE IF NOT EXISTS merkle_checkpoints (leaf_count INTEGER PRIMARY KEY, root TEXT NOT NULL);\n',
  '005_merkle_checkpoints_down.sql': 'DROP TABLE IF EXISTS merkle_checkpoints;\n',
  '006_model_registry.sql': 'CREATE TABLE IF NOT EXISTS model_registry (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, data TEXT);\n',
  '006_model_registry_down.sql': 'DROP TABLE IF EXISTS model_registry;\n',
};

/** The last migration the seeded database has. */
export const seededMigration = '005';
