package catalog

import (
	"cmp"
	"slices"
)

type viewRecord struct {
	ID          ObjectID           `json:"id"`
	Schema      string             `json:"schema"`
	Name        string             `json:"name"`
	FormerNames []formerNameRecord `json:"former_names,omitempty"`
	Columns     []viewColumnRecord `json:"columns"`
	Text        string             `json:"text"`
	Sources     []ObjectID         `json:"sources,omitempty"`
	Reads       [][]int            `json:"reads,omitempty"`
	Views       []ObjectID         `json:"views,omitempty"`
	Types       []ObjectID         `json:"types,omitempty"`
	Version     uint64             `json:"version"`
	Changed     uint64             `json:"changed"`
	Settings    []Option           `json:"settings,omitempty"`
	Comment     string             `json:"comment,omitempty"`
}

type viewColumnRecord struct {
	Name        string             `json:"name"`
	Type        typeRecord         `json:"type"`
	FormerNames []formerNameRecord `json:"former_names,omitempty"`
	Since       uint64             `json:"since,omitempty"`
	Comment     string             `json:"comment,omitempty"`
}

type createViewRecord struct {
	View      viewRecord `json:"view"`
	OrReplace bool       `json:"or_replace,omitempty"`
}

type alterViewRecord struct {
	View viewRecord `json:"view"`
	Base uint64     `json:"base"`
}

func newViewRecord(v *View) (viewRecord, error) {
	record := viewRecord{
		ID: v.ID, Schema: v.Schema, Name: v.Name, FormerNames: formerNameRecords(v.FormerNames), Text: v.Text,
		Sources: v.Sources, Reads: v.Reads, Views: v.Views, Types: v.Types, Version: v.Version, Changed: v.Changed, Settings: v.Settings, Comment: v.Comment,
	}
	for i := range v.Columns {
		c := &v.Columns[i]
		t, err := newTypeRecord(c.Type)
		if err != nil {
			return viewRecord{}, err
		}
		record.Columns = append(record.Columns, viewColumnRecord{
			Name: c.Name, Type: t, FormerNames: formerNameRecords(c.FormerNames), Since: c.Since, Comment: c.Comment,
		})
	}
	return record, nil
}

func (r *viewRecord) view() (*View, error) {
	v := &View{
		ID: r.ID, Schema: r.Schema, Name: r.Name, FormerNames: formerNames(r.FormerNames), Text: r.Text,
		Sources: r.Sources, Reads: r.Reads, Views: r.Views, Types: r.Types, Version: r.Version, Changed: r.Changed, Settings: r.Settings, Comment: r.Comment,
	}
	if len(v.Reads) != len(v.Sources) {
		return nil, corrupt("damaged catalog record: view %d has columns of other relations than it reads", v.ID)
	}
	for i := range r.Columns {
		c := &r.Columns[i]
		t, err := c.Type.dataType(0)
		if err != nil {
			return nil, err
		}
		v.Columns = append(v.Columns, ViewColumn{Name: c.Name, Type: t, FormerNames: formerNames(c.FormerNames), Since: c.Since, Comment: c.Comment})
	}
	return v, nil
}

func decodeViewCommand(envelope *commandEnvelope) (Command, error) {
	if envelope.Kind == "create_view" {
		var r createViewRecord
		if err := unmarshal(envelope.Body, &r); err != nil {
			return nil, err
		}
		v, err := r.View.view()
		if err != nil {
			return nil, err
		}
		return &CreateView{View: *v, OrReplace: r.OrReplace}, nil
	}
	var r alterViewRecord
	if err := unmarshal(envelope.Body, &r); err != nil {
		return nil, err
	}
	v, err := r.View.view()
	if err != nil {
		return nil, err
	}
	return &AlterView{View: *v, Base: r.Base}, nil
}

// checkViews refuses a decoded snapshot whose views or queries name what is not there, or
// whose views read themselves.
func (s *Snapshot) checkViews() error {
	if !slices.IsSortedFunc(s.views, func(a, b *View) int { return cmp.Compare(a.ID, b.ID) }) || len(s.viewByName) != len(s.views) {
		return corrupt("damaged catalog record: views are not in order")
	}
	for _, v := range s.views {
		if err := s.checkRead(v.Sources, v.Views, 0); err != nil {
			return corrupt("damaged catalog record: view %d reads what is not there", v.ID)
		}
	}
	for _, q := range s.queries {
		if err := s.checkRead(nil, q.Views, 0); err != nil {
			return corrupt("damaged catalog record: query %d reads a view that is not there", q.ID)
		}
	}
	return s.checkViewOrder()
}

// checkViewOrder refuses views that read each other in a circle.
func (s *Snapshot) checkViewOrder() error {
	const underway, done = 1, 2
	state := map[ObjectID]int{}
	var visit func(v *View) error
	visit = func(v *View) error {
		switch state[v.ID] {
		case done:
			return nil
		case underway:
			return corrupt("damaged catalog record: view %d reads itself", v.ID)
		}
		state[v.ID] = underway
		for _, id := range v.Views {
			if err := visit(s.View(id)); err != nil {
				return err
			}
		}
		state[v.ID] = done
		return nil
	}
	for _, v := range s.views {
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}
