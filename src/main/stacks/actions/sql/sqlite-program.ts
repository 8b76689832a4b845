/**
 * The one program for SQLite, run by the host's python3. It gets the path as an argument and everything else as JSON on stdin; values are
 * bound, and each text is one statement. Words for people come from the laptop; this prints facts, `name=value`.
 */
export const sqliteProgram = `
import hashlib, json, os, sqlite3, sys
given = json.load(sys.stdin)
verb, path = given["verb"], sys.argv[1]
class Stop(Exception):
    pass
def say(**facts):
    for name, value in facts.items():
        print("%s=%s" % (name, value))
    sys.stdout.flush()
def give_up(verdict, **facts):
    say(**facts)
    if db.in_transaction:
        db.execute("ROLLBACK")
    say(verdict=verdict)
    raise Stop()
def quoted(name):
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))
def packed(value):
    if isinstance(value, bytes):
        return {"b": value.hex()}
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, float):
        return {"r": repr(value)}
    return value
def unpacked(value):
    if isinstance(value, dict):
        kind, text = next(iter(value.items()))
        return bytes.fromhex(text) if kind == "b" else int(text) if kind == "i" else float(text)
    return value
def rows_of(keys):
    found = []
    for key in keys:
        where = " AND ".join(quoted(name) + " IS ?" for name in given["key"])
        cursor = db.execute("SELECT %s FROM %s WHERE %s" % (kept, table, where), key)
        names = [one[0] for one in cursor.description]
        found += [json.dumps(dict(zip(names, map(packed, row))), sort_keys=True) for row in cursor]
    return sorted(found)
def digest(lines):
    return hashlib.sha256("\\n".join(lines).encode()).hexdigest()
def previewed():
    cursor = db.execute(given["preview"], given["values"])
    names = [one[0] for one in cursor.description]
    rows = cursor.fetchall()
    missing = [name for name in given["key"] if name not in names]
    if missing:
        raise ValueError("the preview does not give the key " + ", ".join(missing))
    keys = sorted({tuple(row[names.index(name)] for name in given["key"]) for row in rows}, key=repr)
    return names, rows, keys
def image_keys(lines):
    return [tuple(unpacked(json.loads(line)[name]) for name in given["key"]) for line in lines]
def finish():
    # Out, and on the disk, before the commit: a lost answer is settled by it.
    say(recorded="yes")
    try:
        os.fsync(1)
    except OSError:
        pass
    db.execute("COMMIT")
    say(verdict="committed")
def objects():
    out = {}
    for kind, name in db.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\\\_%' ESCAPE '\\\\'").fetchall():
        out["%s %s" % (kind, name)] = name
        if kind == "table":
            for column in db.execute("SELECT name, type FROM pragma_table_info(?)", (name,)).fetchall():
                out["column %s.%s %s" % (name, column[0], column[1])] = name
    return set(out)
def newest():
    columns = ", ".join(quoted(name) for name in given["order"])
    return [str(row[0]) for row in db.execute("SELECT CAST(%s AS TEXT) FROM %s ORDER BY %s" % (quoted(given["version"]), table, columns))]
def tracked():
    cursor = db.execute("SELECT * FROM %s" % table)
    names = [one[0] for one in cursor.description]
    return {str(row[names.index(given["version"])]): json.dumps(dict(zip(names, map(packed, row))), sort_keys=True) for row in cursor}
def carry_out(text):
    db.execute(text)
    if not db.in_transaction:
        raise ValueError("the file ended the transaction")
def alive(mark):
    for pid in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if pid.isdigit() and int(pid) != os.getpid():
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    if mark.encode() in file.read().split(b"\\0"):
                        return True
            except OSError:
                pass
    return False
if not os.path.isfile(path):
    print("there is no file " + path, file=sys.stderr)
    sys.exit(44)
writes = verb in ("apply", "undo", "migrate")
db = sqlite3.connect(path, timeout=5, isolation_level=None)
db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
try:
    db.execute("PRAGMA foreign_keys=%s" % ("OFF" if verb in ("migrate", "try") else "ON"))
    db.execute("PRAGMA trusted_schema=OFF")
    if not writes and verb != "try":
        db.execute("PRAGMA query_only=ON")
    db.execute("BEGIN IMMEDIATE" if writes or verb == "try" else "BEGIN")
    table = quoted(given["table"])
    kept = "*" if not given.get("snapshot") else ", ".join(quoted(name) for name in dict.fromkeys(given["key"] + given["snapshot"]))
    if verb == "preview":
        names, rows, keys = previewed()
        say(rows=len(rows))
        bare = given["table"].split(".")[-1]
        say(triggers=db.execute("SELECT count(*) FROM sqlite_master WHERE type='trigger' AND tbl_name=?", (bare,)).fetchone()[0])
        say(cascades=sum(1 for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
            for link in db.execute("SELECT \\"table\\", on_delete FROM pragma_foreign_key_list(?)", (name,)).fetchall()
            if link[0].lower() == bare.lower() and link[1] not in ("NO ACTION", "RESTRICT")))
        for row in rows[:20]:
            print("shown " + json.dumps(dict(zip(names, [value.hex() if isinstance(value, bytes) else value for value in row]))))
        if len(rows) <= given["max_rows"]:
            lines = rows_of(keys)
            say(count=len(lines), hash=digest(lines))
            for line in lines:
                print("image " + line)
        say(end="yes")
    elif verb == "apply":
        _, rows, keys = previewed()
        lines = rows_of(keys)
        if digest(lines) != given["before"]:
            give_up("changed", found=len(lines))
        if sqlite3.sqlite_version_info < (3, 35):
            raise ValueError("SQLite of this host is %s; 3.35 is needed to see which rows a statement changed" % sqlite3.sqlite_version)
        hit = db.execute(given["sql"] + "\\nRETURNING " + ", ".join(map(quoted, given["key"])), given["values"]).fetchall()
        if len(hit) != len(lines) or set(hit) != set(keys):
            give_up("mismatch", affected=len(hit), expected=len(lines))
        affected = len(hit)
        after = rows_of(keys)
        say(affected=affected, after=digest(after))
        finish()
    elif verb in ("compare", "undo"):
        lines = given["image"].split("\\n")
        keys = image_keys(lines)
        now = rows_of(keys)
        if verb == "compare":
            say(count=len(now), hash=digest(now), end="yes")
        else:
            if digest(now) == given["before"]:
                give_up("already")
            if digest(now) != given["after"]:
                give_up("conflict", found=len(now))
            for line in lines:
                row = {name: unpacked(value) for name, value in json.loads(line).items()}
                if given.get("snapshot"):
                    db.execute("UPDATE %s SET %s WHERE %s" % (table, ", ".join(quoted(n) + "=?" for n in given["snapshot"]), " AND ".join(quoted(n) + " IS ?" for n in given["key"])),
                        [row[n] for n in given["snapshot"]] + [row[n] for n in given["key"]])
                else:
                    db.execute("INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(map(quoted, row)), ", ".join("?" * len(row))), list(row.values()))
            if digest(rows_of(keys)) != given["before"]:
                give_up("mismatch")
            finish()
    elif verb == "status":
        keep = tracked()
        for version in newest():
            print("applied " + json.dumps([version, keep[version]]))
        for name in sorted(objects()):
            print("object " + json.dumps(name))
        say(end="yes")
    elif verb in ("migrate", "try"):
        old = newest()
        if (old[-1] if old else "") != given["expected"]:
            give_up("changed", found=old[-1] if old else "")
        before = objects()
        for step in given["steps"]:
            for text in step["statements"]:
                carry_out(text)
            if step["remove"]:
                if db.execute("DELETE FROM %s WHERE CAST(%s AS TEXT) = ?" % (table, quoted(given["version"])), (step["version"],)).rowcount != 1:
                    give_up("mismatch")
            else:
                row = {name: unpacked(value) for name, value in json.loads(step["row"]).items()}
                db.execute("INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(map(quoted, row)), ", ".join("?" * len(row))), list(row.values()))
        broken = db.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            give_up("mismatch")
        after = objects()
        for name in sorted(before - after):
            print("gone " + json.dumps(name))
        for name in sorted(after - before):
            print("made " + json.dumps(name))
        now = newest()
        if (now[-1] if now else "") != given["wanted"]:
            give_up("mismatch")
        if verb == "try":
            give_up("tried", end="yes")
        finish()
    elif verb == "columns":
        for name, kind in db.execute("SELECT name, type FROM pragma_table_info(?)", (given["table"],)):
            print("column " + json.dumps([name, kind]))
        say(end="yes")
    elif verb == "settle":
        say(alive="yes" if alive(given["mark"]) else "no")
        say(end="yes")
    if not writes and db.in_transaction:
        db.execute("ROLLBACK")
except Stop:
    pass
except Exception as error:
    print(" ".join(str(error).split())[:1000], file=sys.stderr)
    sys.exit(3)
finally:
    db.close()
`;
