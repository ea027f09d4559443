# One more panel, as the script has described it with panel_... (common.gp).
ll_panels = ll_panels + 1
ll_p_column[ll_panels] = panel_column
ll_p_label[ll_panels] = panel_label
ll_p_label_2[ll_panels] = panel_label_2
ll_p_px[ll_panels] = panel_px
ll_p_top[ll_panels] = panel_top
ll_p_bottom[ll_panels] = panel_bottom
ll_p_log[ll_panels] = panel_log
ll_p_level[ll_panels] = panel_level
ll_p_raw[ll_panels] = panel_raw
ll_p_host[ll_panels] = panel_host
ll_p_best[ll_panels] = panel_best
ll_p_scale[ll_panels] = panel_scale
ll_p_optional[ll_panels] = panel_optional
ll_p_limits[ll_panels] = panel_limits
ll_p_capacity[ll_panels] = panel_capacity
ll_p_callouts[ll_panels] = panel_callouts
ll_p_times[ll_panels] = panel_times
eval panel_defaults
