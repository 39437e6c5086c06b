package shape

import (
	"hash/maphash"
	"sync"
)

// agent is what a user agent says of itself.
type agent struct {
	text                         string
	browser, version, os, device string
	class                        string // of a program; "" of a person's browser
}

// agentEnricher sets the ua columns.
type agentEnricher struct {
	source                       *text
	agents                       *agentLookup
	browser, version, os, device *text
}

func (e *agentEnricher) enrich(row int) {
	a := e.agents.find(e.source, row)
	if a == nil {
		e.browser.null(row)
		e.version.null(row)
		e.os.null(row)
		e.device.null(row)
		return
	}
	e.browser.set(row, a.browser)
	if a.version == "" {
		e.version.null(row)
	} else {
		e.version.set(row, a.version)
	}
	e.os.set(row, a.os)
	e.device.set(row, a.device)
}

// botEnricher sets is_bot and bot_class: null where no user agent was sent.
type botEnricher struct {
	source *text
	agents *agentLookup
	isBot  *boolColumn
	class  *text
}

func (e *botEnricher) enrich(row int) {
	switch a := e.agents.find(e.source, row); {
	case a == nil:
		e.isBot.null(row)
		e.class.null(row)
	case a.class != "":
		e.isBot.set(row, 1)
		e.class.set(row, a.class)
	default:
		e.isBot.set(row, 0)
		e.class.null(row)
	}
}

// agentLookup is one worker's way to the agents: a small table without a lock in
// front of the shared cache.
type agentLookup struct {
	lists *lists
	near  [1024]*agent
}

var agentSeed = maphash.MakeSeed()

// find is the row's agent, nil where none was sent.
func (l *agentLookup) find(source *text, row int) *agent {
	sent := source.get(row)
	if len(sent) == 0 || len(sent) == 1 && sent[0] == '-' {
		return nil
	}
	hash := maphash.Bytes(agentSeed, sent)
	slot := &l.near[hash%uint64(len(l.near))]
	if *slot == nil || (*slot).text != string(sent) {
		*slot = l.lists.find(hash, sent)
	}
	return *slot
}

const (
	agentShards    = 16
	agentsPerShard = 1024
	maxAgentBytes  = 512 // of a longer one only the head is read
)

// agentCache keeps the agents seen last, in all of the process: reading a user agent
// runs hundreds of regular expressions, and few of them are seen in a day.
type agentCache struct {
	shards [agentShards]agentShard
}

// agentShard forgets, when it is full, all that was not asked for since it was
// full before: young and old are each half of it.
type agentShard struct {
	mu struct {
		sync.Mutex
		young, old map[string]*agent
	}
}

func (l *lists) find(hash uint64, sent []byte) *agent {
	s := &l.agents.shards[hash>>32%agentShards]
	s.mu.Lock()
	a, young := s.mu.young[string(sent)]
	if !young {
		a = s.mu.old[string(sent)]
	}
	s.mu.Unlock()
	if young {
		return a
	}
	if a == nil {
		a = l.readAgent(string(sent)) // twice, at worst, by two goroutines at once
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.young) >= agentsPerShard/2 {
		s.mu.old, s.mu.young = s.mu.young, nil
	}
	if s.mu.young == nil {
		s.mu.young = map[string]*agent{}
	}
	s.mu.young[a.text] = a
	return a
}

func (l *lists) readAgent(text string) *agent {
	head := text
	if len(head) > maxAgentBytes {
		head = head[:maxAgentBytes]
	}
	browser, os, device := sharedAgentParser().parse(head)
	a := &agent{text: text, browser: browser.Family, version: browser.ToVersionString(), os: os.Family, device: device.Family}
	a.class = l.botClass(head, a.device)
	return a
}
