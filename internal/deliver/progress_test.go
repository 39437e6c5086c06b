package deliver

import (
	"testing"
)

// sendUnfit puts one envelope of records on the log that go to quarantine.
func (s *site) sendUnfit(records int) {
	s.send(1, records)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log[len(s.log)-1].Sections[0].Requests[0].UserAgent = unfit
}

// held adds up what a worker holds: the records, those of them that go to quarantine,
// and those that SQL sees there.
func held(w *Worker) (records, quarantined, kept int64) {
	for _, h := range w.Status().Held {
		records, quarantined, kept = records+h.Accepted.Count, quarantined+h.Quarantined.Count, kept+h.Kept
	}
	return records, quarantined, kept
}

func TestHeldSaysWhatSQLSeesInQuarantine(t *testing.T) {
	s := newSite()
	s.sendUnfit(3)
	w := s.start(t, Options{})
	w.visible(t, s.send(1, 2))
	w.visible(t, s.send(1, 2)) // what was visible before is noted by now
	if records, quarantined, kept := held(w.Worker); records < 5 || quarantined != 3 || kept != 3 {
		t.Errorf("%d records held, %d quarantined, %d seen; want 5 or 7, 3, 3", records, quarantined, kept)
	}
	w.flush(t)
	if records, quarantined, kept := held(w.Worker); records != 0 || quarantined != 0 || kept != 0 || w.Offset() != 3 {
		t.Errorf("after the commit of %d: %d records held, %d quarantined, %d seen", w.Offset(), records, quarantined, kept)
	}
	_ = w.stopped()
}

func TestHeldTellsWhatSQLDoesNotSee(t *testing.T) {
	s := newSite()
	s.breakDown("append", -1)
	s.breakDown("commit", -1)
	s.sendUnfit(3)
	w := s.start(t, Options{})
	for range 2 { // a second failure to commit comes after the first is noted
		for <-s.failed != "commit" {
		}
	}
	if records, quarantined, kept := held(w.Worker); records != 3 || quarantined != 3 || kept != 0 {
		t.Errorf("%d records held, %d quarantined, %d seen; want 3, 3, none", records, quarantined, kept)
	}
	s.breakDown("commit", 0)
	w.visible(t, 1)
	_ = w.stopped()
}
