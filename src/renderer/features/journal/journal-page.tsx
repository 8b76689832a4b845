import './journal.css';
import { JournalView } from './journal-view.tsx';

/** The whole journal of this installation. */
export function JournalPage() {
  return (
    <div className="journal-page">
      <h1>All activity</h1>
      <div className="journal-page-body">
        <JournalView />
      </div>
    </div>
  );
}
