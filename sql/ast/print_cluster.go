package ast

func (n *AlterNode) format(p *printer) {
	p.text("ALTER NODE ")
	n.Node.format(p)
	if n.Drain {
		p.text(" DRAIN")
	} else {
		p.text(" RESUME")
	}
}

func (n *DropNode) format(p *printer) {
	p.text("DROP NODE ")
	n.Node.format(p)
}

func (n *AlterShard) format(p *printer) {
	p.text("ALTER SHARD ")
	n.Shard.format(p)
	switch {
	case n.To == nil:
		p.text(" RESET")
		return
	case n.From == nil:
		p.text(" SET LEADER ")
	default:
		p.text(" MOVE FROM ")
		n.From.format(p)
		p.text(" TO ")
	}
	n.To.format(p)
}

func (n *AlterCluster) format(p *printer) {
	p.text("ALTER CLUSTER SET ")
	p.name(n.Name.Value)
	p.text(" = ")
	n.Value.format(p)
}
