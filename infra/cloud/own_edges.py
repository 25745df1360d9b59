"""Our own edges as the boundary: nothing is made in any cloud."""

from __future__ import annotations

from infra.cloud.boundary import Entrance, Wanted


class OwnEdges:
    """Learners come to the edges themselves; roles/edge, waf, flood_guard and block_list do the work."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def entrance(self) -> Entrance:
        """Return the edges' addresses, and what protects what."""
        return Entrance(
            None,
            self._wanted.origins,
            {
                'floods of packets': 'meters of nftables on edges and firewalls; not what fills the uplink',
                'floods of requests': 'limits of nginx on the edges, of HAProxy behind them',
                'attacks inside requests': 'ModSecurity on the edges',
                'restricted media': 'signed addresses, checked by the edges',
                'load on the origin': 'caches of edges and balancers',
            },
        )
